package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	controlplanev1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	"github.com/rehearse-dev/rehearse/fakes/kubeovn"
	"github.com/rehearse-dev/rehearse/sim/clock"
)

// awaitReady waits until every cluster is what its manifests ask for. It polls in real time; the clock runs meanwhile.
func (t *Twin) awaitReady(ctx context.Context) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := t.ready(ctx)
		if err == nil {
			return nil
		}
		t.o.Progress("waiting for " + err.Error())
		select {
		case <-tick.C:
		case <-t.failed:
			return t.Err()
		case <-ctx.Done():
			return fmt.Errorf("the twin did not become ready: %w: %w (clock held by %v, next %v)", context.Cause(ctx), err, t.clock.Holders(), t.clock.Waiting(3))
		}
	}
}

// rest lets the twin come to rest: site time stands, and nobody works any more.
func (t *Twin) rest(ctx context.Context) error {
	t.clock.SetPace(clock.Hold)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	const calm = 10 // looks in a row
	for n := 0; n < calm; {
		select {
		case <-tick.C:
		case <-t.failed:
			return t.Err()
		case <-ctx.Done():
			return fmt.Errorf("the twin did not come to rest: %w: held by %v", context.Cause(ctx), t.clock.Holders())
		}
		if n++; len(t.clock.Holders()) > 0 || len(t.clock.Barrier().Outstanding()) > 0 {
			n = 0
		}
	}
	return nil
}

// Healthy is nil when the site is well and at rest: every control plane, MachineDeployment, Machine and Node is what the
// manifests ask for, ready and up to date, every Cluster available, and Kube-OVN delivered. It may be asked at any time.
func (t *Twin) Healthy(ctx context.Context) error { return t.ready(ctx) }

// ready is nil when the site is at rest in the state that the manifests ask for.
func (t *Twin) ready(ctx context.Context) error {
	for _, w := range t.workloads {
		if err := t.clusterReady(ctx, w); err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
	}
	return nil
}

func (t *Twin) clusterReady(ctx context.Context, w *workload) error {
	want := map[string]int32{}
	kcps := &controlplanev1.KubeadmControlPlaneList{}
	mds := &clusterv1.MachineDeploymentList{}
	machines := &clusterv1.MachineList{}
	of := []client.ListOption{client.InNamespace(w.namespace)}
	cache := t.controllers.Manager.GetClient() // asked often while the API server has enough to do
	for _, l := range []client.ObjectList{kcps, mds} {
		if err := cache.List(ctx, l, of...); err != nil {
			return err
		}
	}
	if err := cache.List(ctx, machines, append(of, client.MatchingLabels{clusterv1.ClusterNameLabel: w.name})...); err != nil {
		return err
	}
	for _, k := range kcps.Items {
		if k.Labels[clusterv1.ClusterNameLabel] != w.name && k.Name != w.controlPlaneName() {
			continue
		}
		s := k.Status
		if err := counts("control plane", *k.Spec.Replicas, s.Replicas, s.ReadyReplicas, s.AvailableReplicas, s.UpToDateReplicas); err != nil {
			return err
		}
		want[controlPlaneRole] = *k.Spec.Replicas
	}
	for _, d := range mds.Items {
		if d.Spec.ClusterName != w.name {
			continue
		}
		s := d.Status
		if err := counts(d.Name, *d.Spec.Replicas, s.Replicas, s.ReadyReplicas, s.AvailableReplicas, s.UpToDateReplicas); err != nil {
			return err
		}
		want[d.Name] = *d.Spec.Replicas
	}
	if i := slices.IndexFunc(machines.Items, func(m clusterv1.Machine) bool { return m.Status.Phase != string(clusterv1.MachinePhaseRunning) }); i >= 0 {
		return fmt.Errorf("machine %s: %s", machines.Items[i].Name, machines.Items[i].Status.Phase)
	}
	if n := sum(want); int(n) != len(machines.Items) || n == 0 {
		return fmt.Errorf("%d machines, want %d", len(machines.Items), n)
	}
	c := &clusterv1.Cluster{}
	if err := cache.Get(ctx, client.ObjectKey{Namespace: w.namespace, Name: w.name}, c); err != nil {
		return err
	}
	if err := clusterStatus(c, want[controlPlaneRole], sum(want)-want[controlPlaneRole]); err != nil {
		return err
	}
	if err := w.networkReady(ctx, c); err != nil {
		return err
	}
	return w.nodesReady(ctx)
}

func counts(what string, want int32, got ...*int32) error {
	for i, name := range []string{"replicas", "ready", "available", "up to date"} {
		if n := ptr.Deref(got[i], -1); n != want {
			return fmt.Errorf("%s: %d of %d %s", what, max(n, 0), want, name)
		}
	}
	return nil
}

func sum(m map[string]int32) (n int32) {
	for _, v := range m {
		n += v
	}
	return n
}

// clusterStatus is nil when the Cluster is available and has counted all its machines.
func clusterStatus(c *clusterv1.Cluster, controlPlane, workers int32) error {
	if a := meta.FindStatusCondition(c.Status.Conditions, clusterv1.ClusterAvailableCondition); a == nil || a.Status != metav1.ConditionTrue {
		return errors.New("the Cluster's condition Available")
	}
	cp, md := ptr.Deref(c.Status.ControlPlane, clusterv1.ClusterControlPlaneStatus{}), ptr.Deref(c.Status.Workers, clusterv1.WorkersStatus{})
	return errors.Join(
		counts("the Cluster's control plane", controlPlane, cp.Replicas, cp.ReadyReplicas, cp.AvailableReplicas, cp.UpToDateReplicas),
		counts("the Cluster's workers", workers, md.Replicas, md.ReadyReplicas, md.AvailableReplicas, md.UpToDateReplicas))
}

// networkReady is nil when Kube-OVN was delivered, or is not gated in.
func (w *workload) networkReady(ctx context.Context, c *clusterv1.Cluster) error {
	if !kubeovn.Gated(c) {
		return nil
	}
	phase, err := w.networkPhase(ctx)
	if err != nil {
		return err
	}
	if !strings.EqualFold(phase, "Success") {
		return errors.New("kube-ovn: " + phase)
	}
	return nil
}

// nodesReady is nil when the node lifecycle controller has taken back what it thought of the nodes when they were new.
func (w *workload) nodesReady(ctx context.Context) error {
	nodes := &corev1.NodeList{}
	if err := w.client.List(ctx, nodes); err != nil {
		return err
	}
	for _, n := range nodes.Items {
		i := slices.IndexFunc(n.Status.Conditions, func(c corev1.NodeCondition) bool { return c.Type == corev1.NodeReady })
		if i < 0 || n.Status.Conditions[i].Status != corev1.ConditionTrue {
			return fmt.Errorf("node %s: not Ready", n.Name)
		}
		for _, t := range n.Spec.Taints {
			if t.Key == corev1.TaintNodeNotReady || t.Key == corev1.TaintNodeUnreachable {
				return fmt.Errorf("node %s: taint %s", n.Name, t.ToString())
			}
		}
	}
	return nil
}
