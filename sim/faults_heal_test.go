package sim_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rehearse-dev/rehearse/sim"
	"github.com/rehearse-dev/rehearse/sim/clock"
	"github.com/rehearse-dev/rehearse/sim/fault"
)

// TestFaultsShowTheirSymptomAndHeal strikes one twin with one fault after the other; each heals before the next comes.
func TestFaultsShowTheirSymptomAndHeal(t *testing.T) {
	w := world(t, 3, 1)
	w.Artifacts = append(w.Artifacts, "acp/chart-kube-ovn:v4.4.1")
	s := &struckSite{twin: start(t, w, sim.Options{Pace: clock.Free})}
	s.m, s.w = management(t, s.twin), workload(t, s.twin)
	for _, c := range []struct {
		name string
		test func(*testing.T)
	}{
		{"a member of etcd is down", s.etcdMemberDown},
		{"the database of etcd is full", s.etcdNospace},
		{"a member of etcd is slow", s.etcdSlow},
		{"the workload cluster is not reached", s.workloadPartitioned},
		{"a node has no network", s.nodeWithoutNetwork},
		{"the cluster is paused", s.clusterPaused},
		{"edits that are denied", s.denied},
		{"maxSurge is edited", s.maxSurgeEdited},
		{"a step is done twice", s.stepDoneTwice},
		{"the registry's address is missing", s.registryAddressMissing},
		{"the AppRelease is edited by hand", s.appReleaseEdited},
		{"the chart is missing", s.chartMissing},
		{"Kube-OVN's pods are slow", s.appReleaseSlow},
		{"the provider is too old for the chart", s.kubeOVNProviderOld},
		{"an image is missing", s.imageMissing},
		{"the registry is not reached", s.registryUnreachable},
		{"workers first", s.workersFirst},
		{"the template of a machine is gone", s.templateDeleted},
		{"the management cluster is a standby", s.drStandby},
		{"Kube-OVN's version is set while a machine goes", s.kubeOVNVersionEdited},
		{"a second edit in the middle of the roll", s.editSplit},
		{"a control-plane machine does not join", s.controlPlaneJoinFails},
		{"etcd's tag from an older row", s.wrongEtcd},
		{"a second edit, and a load balancer that nobody looks after", s.loadBalancerStale},
		{"a kubelet ends", s.nodeNotReady},
	} {
		if !t.Run(c.name, c.test) {
			return // the next one would find a site that has not healed
		}
	}
	if st := s.twin.Clock().Stats(); st.Late != 0 {
		t.Errorf("late: got %d, want none", st.Late)
	}
}

// struckSite is a twin with a fault.
type struckSite struct {
	twin *sim.Twin
	m, w client.Client // administrators of the management and the workload cluster
}

// struck is a fault of a site.
type struck struct {
	fired []string
	heal  func()
}

// strike arms a fault of the command line's form, and fires it if it does not have to wait for anything.
func (s *struckSite) strike(t *testing.T, text string) *struck {
	t.Helper()
	sep := ":"
	if strings.Contains(text, ":") {
		sep = ","
	}
	spec, err := fault.Parse(text + sep + "heal=at:heal")
	if err != nil {
		t.Fatal(err)
	}
	f := &struck{}
	fired := make(chan string, 1000)
	e := fault.NewEngine(s.twin, s.twin.Clock(), []fault.Spec{spec}, fault.Log{Armed: func(fault.Spec) {}, Laid: func(fault.Spec, string) {},
		Fired: func(_ fault.Spec, target string) { fired <- target }, Healed: func(fault.Spec, string) {}, Failed: func(_ fault.Spec, err error) { t.Error(err) }})
	e.Start(t.Context())
	f.heal = func() {
		e.StepStarts(context.Background(), "heal")
		for len(fired) > 0 {
			f.fired = append(f.fired, <-fired)
		}
	}
	for len(fired) > 0 {
		f.fired = append(f.fired, <-fired)
	}
	return f
}

// felt checks what a fault has hit.
func (f *struck) felt(t *testing.T, want string) {
	t.Helper()
	if all := strings.Join(f.fired, "\n"); all == "" || !strings.Contains(all, want) {
		t.Errorf("fired: got %q, want %q", f.fired, want)
	}
}

// await polls until do returns nil. It gives up sooner than others, because there is much to do.
func (s *struckSite) await(t *testing.T, what string, do func() error) {
	t.Helper()
	deadline := time.NewTimer(40 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := do()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-s.twin.Failed():
			t.Fatalf("%s: %v", what, s.twin.Err())
		case <-deadline.C:
			t.Fatalf("%s: %v; clock held by %v, next %v", what, err, s.twin.Clock().Holders(), s.twin.Clock().Waiting(5))
		}
	}
}

// says is nil when a condition of an object has a status and a text in its reason or message.
func (s *struckSite) says(kind, name, condition, status, text string) func() error {
	group := map[string]string{"Cluster": "cluster", "Machine": "cluster", "MachineSet": "cluster", "KubeadmControlPlane": "controlplane.cluster", "VSphereCluster": "infrastructure.cluster"}[kind]
	return func() error {
		l := &unstructured.UnstructuredList{}
		l.SetAPIVersion(group + ".x-k8s.io/v1beta2")
		l.SetKind(kind + "List")
		if err := s.m.List(context.Background(), l); err != nil {
			return err
		}
		var all []string
		for _, o := range l.Items {
			conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
			for _, c := range conditions {
				c := c.(map[string]any)
				if c["type"] != condition || name != "" && o.GetName() != name {
					continue
				}
				is := fmt.Sprint(c["status"], " ", c["reason"], ": ", c["message"])
				if strings.HasPrefix(is, status) && strings.Contains(is, text) {
					return nil
				}
				all = append(all, o.GetName()+" "+is)
			}
		}
		return fmt.Errorf("%s of %s %s: want %s %q, got %q", condition, kind, name, status, text, all)
	}
}

const kcp, cluster = "prod-a-kcp", "prod-a"

// healthy is nil when all machines have a healthy node.
func (s *struckSite) healthy() error {
	l := &unstructured.UnstructuredList{}
	l.SetAPIVersion("cluster.x-k8s.io/v1beta2")
	l.SetKind("MachineList")
	if err := s.m.List(context.Background(), l); err != nil {
		return err
	}
	if len(l.Items) != 4 {
		return fmt.Errorf("got %d machines, want 4", len(l.Items))
	}
	for _, m := range l.Items {
		if m.GetDeletionTimestamp() != nil {
			return fmt.Errorf("machine %s is going", m.GetName())
		}
		for _, c := range []string{"NodeHealthy", "Ready"} {
			if err := s.says("Machine", m.GetName(), c, "True", "")(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *struckSite) names(t *testing.T) string {
	t.Helper()
	var l []string
	for _, o := range list(t, s.m, "cluster.x-k8s.io/v1beta2", "Machine") {
		l = append(l, o.GetName())
	}
	return strings.Join(l, " ")
}
