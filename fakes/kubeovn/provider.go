package kubeovn

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	infrav1 "sigs.k8s.io/cluster-api-provider-vsphere/api/govmomi/v1beta2"
	controlplanev1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/annotations"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// requeue is how soon the provider looks again while something is missing: 10 s for the deferral is documented,
	// the rest follows it.
	requeue = 10 * time.Second
	// resync is CAPV's period (pkg/manager DefaultSyncPeriod); it undoes manual edits of the AppRelease.
	resync = 10 * time.Minute
)

// Provider keeps the AppRelease of each gated cluster in step with its Cluster's annotations.
type Provider struct {
	management client.Client
	workload   func(ctx context.Context, cluster types.NamespacedName) (client.Client, error)
	old        atomic.Pointer[aged] // nil: it is of the version that is modelled
}

// NewProvider returns a Provider. The management client knows the v1beta2 types of Cluster API and CAPV; workload
// returns a client of a workload cluster, or why there is none yet.
func NewProvider(management client.Client,
	workload func(ctx context.Context, cluster types.NamespacedName) (client.Client, error),
) *Provider {
	return &Provider{management: management, workload: workload}
}

// Reconcile looks at one Cluster. It must be called again after the returned site time (0: never) and whenever the
// Cluster, its VSphereCluster or its Machines change. An error is a failed call, to be tried again.
func (p *Provider) Reconcile(ctx context.Context, key types.NamespacedName) (after time.Duration, err error) {
	c := &clusterv1.Cluster{}
	if err := p.management.Get(ctx, key, c); err != nil {
		return 0, client.IgnoreNotFound(err)
	}
	ref := c.Spec.InfrastructureRef
	if ref.Kind != "VSphereCluster" || !c.DeletionTimestamp.IsZero() || annotations.IsPaused(c, c) {
		return 0, nil
	}
	infra := &infrav1.VSphereCluster{}
	if err := p.management.Get(ctx, types.NamespacedName{Namespace: c.Namespace, Name: ref.Name}, infra); err != nil {
		return 0, client.IgnoreNotFound(err)
	}
	if !Gated(c) { // silence: neither an event nor a condition
		return 0, p.report(ctx, infra, nil)
	}
	v, after, err := p.deliver(ctx, c)
	if err != nil {
		return 0, fmt.Errorf("Cluster %s: %w", key, err)
	}
	return after, p.report(ctx, infra, &v)
}

// deliver brings the AppRelease to what the Cluster wants, and says how that stands.
func (p *Provider) deliver(ctx context.Context, c *clusterv1.Cluster) (verdict, time.Duration, error) {
	want, err := Desired(c)
	if err != nil {
		return verdict{metav1.ConditionFalse, invalidReason, err.Error()}, requeue, nil
	}
	wrong := p.misname(want)
	if !ptr.Deref(c.Status.Initialization.ControlPlaneInitialized, false) {
		return reconciling(deferral), requeue, nil
	}
	w, err := p.workload(ctx, client.ObjectKeyFromObject(c))
	if err != nil {
		return verdict{}, 0, err
	}
	complete, err := p.controlPlaneComplete(ctx, c, w)
	if err != nil {
		return verdict{}, 0, err
	}
	if !complete {
		return reconciling(deferral), requeue, nil
	}
	have := newObject()
	err = w.Get(ctx, client.ObjectKeyFromObject(want), have)
	switch {
	case apierrors.IsNotFound(err):
		return reconciling("created" + waiting), requeue, wrong.tell(c.Name, create(ctx, w, want))
	case err != nil:
		return verdict{}, 0, err
	case !apiequality.Semantic.DeepEqual(have.Object["spec"], want.Object["spec"]):
		have.Object["spec"] = want.Object["spec"] // as a whole: manual edits do not stick
		return reconciling("updated" + waiting), requeue, wrong.tell(c.Name, w.Update(ctx, have))
	}
	r, err := read(have)
	if err != nil {
		return verdict{}, 0, err
	}
	if v := judge(r.Status, have.GetGeneration()); v.status != metav1.ConditionTrue {
		return v, requeue, nil
	}
	return verdict{metav1.ConditionTrue, readyReason, ""}, resync, nil
}

// controlPlaneComplete tells whether all control-plane Nodes are there and none is about to go.
func (p *Provider) controlPlaneComplete(ctx context.Context, c *clusterv1.Cluster, w client.Client) (bool, error) {
	kcp := &controlplanev1.KubeadmControlPlane{}
	name := types.NamespacedName{Namespace: c.Namespace, Name: c.Spec.ControlPlaneRef.Name}
	if err := p.management.Get(ctx, name, kcp); err != nil {
		return false, err
	}
	machines := &clusterv1.MachineList{}
	if err := p.management.List(ctx, machines, client.InNamespace(c.Namespace),
		client.MatchingLabels{clusterv1.ClusterNameLabel: c.Name},
		client.HasLabels{clusterv1.MachineControlPlaneLabel}); err != nil {
		return false, err
	}
	for i := range machines.Items {
		if !machines.Items[i].DeletionTimestamp.IsZero() {
			return false, nil
		}
	}
	nodes := &corev1.NodeList{}
	if err := w.List(ctx, nodes, client.HasLabels{"node-role.kubernetes.io/control-plane"}); err != nil {
		return false, err
	}
	return len(nodes.Items) >= int(ptr.Deref(kcp.Spec.Replicas, 1)), nil
}

// create makes the AppRelease, and its namespace where it is the first to need it.
func create(ctx context.Context, w client.Client, o client.Object) error {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: o.GetNamespace()}}
	if err := w.Create(ctx, ns); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	return w.Create(ctx, o)
}
