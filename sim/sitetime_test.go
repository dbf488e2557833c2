package sim_test

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	"github.com/rehearse-dev/rehearse/sim"
	"github.com/rehearse-dev/rehearse/sim/clock"
	"github.com/rehearse-dev/rehearse/sim/fault"
	"github.com/rehearse-dev/rehearse/sim/kube"
)

// TestTimestampsAndTimeoutsFollowSiteTime looks at what compares a timestamp of an API server with a controller's
// time.Now: they are the same time only where both follow the site's.
func TestTimestampsAndTimeoutsFollowSiteTime(t *testing.T) {
	twin := start(t, world(t, 1, 1), sim.Options{Pace: clock.Free})
	for _, x := range twin.WallTimeOnly() {
		t.Log("on the machine's time: " + x)
	}
	s := &siteTime{T: t, twin: twin, booted: clock.Real(), workload: workload(t, twin)}
	scheme, err := kube.NewScheme()
	if err != nil {
		t.Fatal(err)
	}
	if s.management, err = client.New(twin.Management(), client.Options{Scheme: scheme}); err != nil {
		t.Fatal(err)
	}
	pass(t, twin, 90*time.Minute)
	t.Run("creation and deletion", s.timestamps)
	t.Run("remediation of a machine that never becomes a node", s.remediation)
	t.Run("remediation of a machine whose node is lost", s.lostNode)
	t.Run("a drain that is given up", s.drain)
	if st := twin.Clock().Stats(); st.Late != 0 {
		t.Errorf("late: got %d, want none", st.Late)
	}
}

// siteTime is a twin that has run for a while.
type siteTime struct {
	*testing.T
	twin                 *sim.Twin
	booted               time.Duration // Real
	management, workload client.Client
}

// isNow checks a timestamp. time.Now goes on with the machine while site time stands still, so it is a little ahead.
func (s *siteTime) isNow(t *testing.T, what string, at time.Time) {
	t.Helper()
	now := s.twin.Clock().Now()
	ahead := clock.Real() - s.booted + time.Minute // the boot
	if at.Before(now.Add(-time.Minute)) || at.After(now.Add(ahead)) {
		t.Errorf("%s: got %s, want site time, %s", what, at.UTC(), now.UTC())
	}
}

func (s *siteTime) timestamps(t *testing.T) {
	s.twin.Clock().SetPace(clock.Hold)
	defer s.twin.Clock().SetPace(clock.Free)
	for name, c := range map[string]client.Client{"management": s.management, "workload": s.workload} {
		o := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "stamped", Finalizers: []string{"example.org/wait"}}}
		if err := c.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		s.isNow(t, name+" creation", o.CreationTimestamp.Time)
		if err := c.Delete(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		if err := c.Get(t.Context(), client.ObjectKeyFromObject(o), o); err != nil {
			t.Fatal(err)
		}
		s.isNow(t, name+" deletion", o.DeletionTimestamp.Time)
	}
}

func (s *siteTime) workers(t *testing.T) []clusterv1.Machine {
	t.Helper()
	l := &clusterv1.MachineList{}
	if err := s.management.List(t.Context(), l, client.InNamespace(kube.Namespace), client.HasLabels{clusterv1.MachineDeploymentNameLabel}); err != nil {
		t.Fatal(err)
	}
	return l.Items
}

// remediation scales up to a machine whose kubeadm join fails.
func (s *siteTime) remediation(t *testing.T) {
	const patience = 10 * time.Minute
	old := s.workers(t)[0].Name
	heal := s.twin.FailGuests(fault.JoinFails, s.twin.Which("prod-a", fault.Workers), func(string) {})
	defer heal(t.Context()) //nolint:errcheck // the twin ends
	mhc := &clusterv1.MachineHealthCheck{ObjectMeta: metav1.ObjectMeta{Namespace: kube.Namespace, Name: "workers"}}
	mhc.Spec.ClusterName = "prod-a"
	mhc.Spec.Selector.MatchLabels = map[string]string{clusterv1.MachineDeploymentNameLabel: "prod-a-md-0"}
	mhc.Spec.Checks.NodeStartupTimeoutSeconds = ptr.To(int32(patience.Seconds()))
	if err := s.management.Create(t.Context(), mhc); err != nil {
		t.Fatal(err)
	}
	s.scale(t, 2)
	var born, died time.Time
	await(t, s.twin, "the end of the machine that does not join", func() error {
		for _, m := range s.workers(t) {
			if m.Name != old && !m.DeletionTimestamp.IsZero() {
				born, died = m.CreationTimestamp.Time, m.DeletionTimestamp.Time
				return nil
			}
		}
		return fmt.Errorf("no new machine of %d is being deleted", len(s.workers(t)))
	})
	if lived := died.Sub(born); lived < patience || lived > 2*patience {
		t.Errorf("a machine without a node lived for %s of site time, want about %s", lived, patience)
	}
	for _, m := range s.workers(t) {
		if m.Name == old && !m.DeletionTimestamp.IsZero() {
			t.Error("the machine that has a node was remediated as well")
		}
	}
	if err := s.management.Delete(t.Context(), mhc); err != nil {
		t.Fatal(err)
	}
	s.scale(t, 1)
}

// lostNode ends the kubelet of a worker when site time is far ahead of the node controller's, who finds it lost.
func (s *siteTime) lostNode(t *testing.T) {
	const patience = 10 * time.Minute
	old := s.oneWorker(t)
	mhc := &clusterv1.MachineHealthCheck{ObjectMeta: metav1.ObjectMeta{Namespace: kube.Namespace, Name: "lost"}}
	mhc.Spec.ClusterName = "prod-a"
	mhc.Spec.Selector.MatchLabels = map[string]string{clusterv1.MachineDeploymentNameLabel: "prod-a-md-0"}
	mhc.Spec.Checks.UnhealthyNodeConditions = []clusterv1.UnhealthyNodeCondition{
		{Type: corev1.NodeReady, Status: corev1.ConditionUnknown, TimeoutSeconds: ptr.To(int32(patience.Seconds()))}}
	if err := s.management.Create(t.Context(), mhc); err != nil {
		t.Fatal(err)
	}
	ended := s.twin.Clock().Now()
	if _, err := s.twin.StopKubelet("prod-a", old.Status.NodeRef.Name); err != nil {
		t.Fatal(err)
	}
	var died, lost time.Time
	await(t, s.twin, "the remediation of "+old.Name, func() error {
		n := &corev1.Node{}
		if err := s.workload.Get(t.Context(), client.ObjectKey{Name: old.Status.NodeRef.Name}, n); client.IgnoreNotFound(err) != nil {
			return err
		}
		for _, c := range n.Status.Conditions {
			if c.Type == corev1.NodeReady && c.Status == corev1.ConditionUnknown {
				lost = c.LastTransitionTime.Time
			}
		}
		for _, m := range s.workers(t) {
			if m.Name == old.Name && !m.DeletionTimestamp.IsZero() {
				died = m.DeletionTimestamp.Time
				return nil
			}
		}
		return fmt.Errorf("%s is not being deleted", old.Name)
	})
	if took := died.Sub(ended); took < patience || took > 2*patience {
		t.Errorf("a machine whose kubelet has ended was remediated after %s of site time, want about %s", took, patience)
	}
	if silent := lost.Sub(ended); silent < 0 || silent > 2*time.Minute {
		t.Errorf("Ready turned Unknown %s after the kubelet's end, by its lastTransitionTime; want about 50s", silent)
	}
	await(t, s.twin, "another worker", func() error {
		if l := s.workers(t); len(l) != 1 || l[0].Name == old.Name || l[0].Status.NodeRef.Name == "" {
			return fmt.Errorf("%d workers", len(l))
		}
		return nil
	})
	if err := s.management.Delete(t.Context(), mhc); err != nil {
		t.Fatal(err)
	}
}

// oneWorker waits until there is one, with a node.
func (s *siteTime) oneWorker(t *testing.T) (m clusterv1.Machine) {
	t.Helper()
	await(t, s.twin, "one worker", func() error {
		l := s.workers(t)
		if len(l) != 1 || l[0].Status.NodeRef.Name == "" {
			return fmt.Errorf("%d workers", len(l))
		}
		m = l[0]
		return nil
	})
	return m
}

func (s *siteTime) scale(t *testing.T, n int) {
	t.Helper()
	s.patchWorkers(t, fmt.Sprintf(`{"spec":{"replicas":%d}}`, n))
}

func (s *siteTime) patchWorkers(t *testing.T, merge string) {
	t.Helper()
	md := &clusterv1.MachineDeployment{ObjectMeta: metav1.ObjectMeta{Namespace: kube.Namespace, Name: "prod-a-md-0"}}
	if err := s.management.Patch(t.Context(), md, client.RawPatch(types.MergePatchType, []byte(merge))); err != nil {
		t.Fatal(err)
	}
}

// drain deletes the worker whose pod no budget lets go, with a time-out.
func (s *siteTime) drain(t *testing.T) {
	const patience = 20 * time.Minute
	m := s.oneWorker(t)
	labels := map[string]string{"app": "stubborn"}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "stubborn", Labels: labels}, Spec: corev1.PodSpec{
		NodeName: m.Status.NodeRef.Name, Containers: []corev1.Container{{Name: "c", Image: "elsewhere.example/c:1"}}}}
	budget := &policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "stubborn"}, Spec: policyv1.PodDisruptionBudgetSpec{
		MinAvailable: ptr.To(intstr.FromInt32(1)), Selector: &metav1.LabelSelector{MatchLabels: labels}}}
	for _, o := range []client.Object{pod, budget} {
		if err := s.workload.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	s.patchWorkers(t, fmt.Sprintf(`{"spec":{"template":{"spec":{"deletion":{"nodeDrainTimeoutSeconds":%d}}}}}`, int(patience.Seconds())))
	await(t, s.twin, "a budget that lets nothing go, and the machine's time-out", func() error {
		if err := s.workload.Get(t.Context(), client.ObjectKeyFromObject(budget), budget); err != nil {
			return err
		}
		if err := s.management.Get(t.Context(), client.ObjectKeyFromObject(&m), &m); err != nil {
			return err
		}
		if b, d := budget.Status, m.Spec.Deletion.NodeDrainTimeoutSeconds; b.CurrentHealthy != 1 || b.DisruptionsAllowed != 0 || ptr.Deref(d, 0) != int32(patience.Seconds()) {
			return fmt.Errorf("got %d healthy pods, %d may go, time-out %v", b.CurrentHealthy, b.DisruptionsAllowed, ptr.Deref(d, 0))
		}
		return nil
	})
	began := s.twin.Clock().Now()
	if err := s.management.Delete(t.Context(), &m); err != nil {
		t.Fatal(err)
	}
	await(t, s.twin, "the end of "+m.Name, func() error {
		err := s.management.Get(t.Context(), client.ObjectKeyFromObject(&m), &clusterv1.Machine{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("it is still there (%v)", err)
	})
	if took := s.twin.Clock().Now().Sub(began); took < patience || took > 2*patience {
		t.Errorf("a machine that cannot be drained was gone after %s of site time, want about %s", took, patience)
	}
}
