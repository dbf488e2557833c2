package sim_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rehearse-dev/rehearse/sim"
	"github.com/rehearse-dev/rehearse/sim/clock"
	"github.com/rehearse-dev/rehearse/sim/fault"
)

// story is a fault that was asked for, and what became of it.
type story struct {
	*fault.Engine
	t  testing.TB
	id string

	mu    sync.Mutex
	fired []string
}

// tell starts an engine with one fault; heal is its end.
func tell(t testing.TB, twin *sim.Twin, text string) *story {
	t.Helper()
	s, err := fault.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	y := &story{t: t, id: s.ID}
	y.Engine = fault.NewEngine(twin, twin.Clock(), []fault.Spec{s}, fault.Log{Armed: func(fault.Spec) {}, Laid: func(fault.Spec, string) {},
		Fired: func(_ fault.Spec, target string) {
			y.mu.Lock()
			defer y.mu.Unlock()
			y.fired = append(y.fired, target)
		},
		Healed: func(fault.Spec, string) {}, Failed: func(_ fault.Spec, err error) { t.Error(err) }})
	y.Start(context.Background())
	return y
}

// targets is what the fault has hit so far.
func (y *story) targets() []string {
	y.mu.Lock()
	defer y.mu.Unlock()
	return append([]string{}, y.fired...)
}

func (y *story) heal() {
	y.t.Helper()
	if err := y.Heal(context.Background(), y.id); err != nil {
		y.t.Error(err)
	}
}

// says is everything that the objects of a kind say, as JSON.
func says(t testing.TB, c client.Client, apiVersion, kind string) string {
	t.Helper()
	var b strings.Builder
	for _, o := range list(t, c, apiVersion, kind) {
		text, err := json.Marshal(o.Object)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(text)
	}
	return b.String()
}

// scale asks for so many machines of a MachineDeployment.
func scale(t testing.TB, c client.Client, md string, n int) {
	t.Helper()
	patch := client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, n))
	if err := c.Patch(context.Background(), newObject("cluster.x-k8s.io/v1beta1", "MachineDeployment", md), patch); err != nil {
		t.Fatal(err)
	}
}

// workersRun is nil when there are so many workers and all of them run.
func workersRun(t testing.TB, c client.Client, want int) error {
	t.Helper()
	n := 0
	for _, m := range list(t, c, "cluster.x-k8s.io/v1beta1", "Machine") {
		if _, worker := m.GetLabels()["cluster.x-k8s.io/deployment-name"]; !worker {
			continue
		}
		n++
		status := m.Object["status"].(map[string]any)
		if text := fmt.Sprint(status["conditions"]); status["phase"] != "Running" || strings.Contains(text, "status:False") {
			return fmt.Errorf("%s is %s: %s", m.GetName(), status["phase"], text)
		}
	}
	if n != want {
		return fmt.Errorf("%d workers, want %d", n, want)
	}
	return nil
}

// TestAFaultOfAMachineShowsAndHeals has a worker more come while each of the faults is there, looks for the symptom, heals it, and waits until all is as it was. All of them heal completely, so they share
// one twin.
func TestAFaultOfAMachineShowsAndHeals(t *testing.T) {
	twin := start(t, world(t, 1, 1), sim.Options{Pace: clock.Free})
	m, w := management(t, twin), workload(t, twin)
	const infra = "infrastructure.cluster.x-k8s.io/v1beta1"
	vms := func() string { return says(t, m, infra, "VSphereVM") }
	cluster := func() string { return says(t, m, infra, "VSphereCluster") }
	vsphereMachines := func() string { return says(t, m, infra, "VSphereMachine") }
	nodes := func() string { return says(t, w, "v1", "Node") }
	machines := func() string { return says(t, m, "cluster.x-k8s.io/v1beta2", "Machine") }
	for _, c := range []struct {
		fault   string
		target  string // of what it hit first
		symptom string // still there when much time has passed
		in      func() string
	}{
		{"vm-clone-fails:role=prod-a-md-0", "its clone failed", "An error occurred while communicating with the remote host.", vms},
		{"datastore-full:datastore=ds-1", "no space for its disks", "Insufficient disk space on datastore 'ds-1'.", vms},
		{"vcenter-down:", "got 503", "503 Service Unavailable", cluster},
		{"vcenter-credentials-expired:", "the account has expired", "Cannot complete login due to an incorrect user name or password.", cluster},
		{"vm-without-ip:role=prod-a-md-0", "its VM reports no address", "WaitingForIPAllocation", vms},
		{"vm-boot-hangs:role=prod-a-md-0", "its boot hangs", "Waiting for a Node with spec.providerID vsphere://", machines},
		{"vm-failed:when=call:CloneVM_Task/1", "failed with CreateError", `"failureReason":"CreateError"`, vsphereMachines},
		{"node-stale:role=prod-a-md-0", "took up a Node of another VM", "Waiting for a Node with spec.providerID vsphere://", machines},
		{"hostname-taken:role=prod-a-md-0", "an older VM has its hostname", "node.cloudprovider.kubernetes.io/uninitialized", nodes},
		{"node-never-ready:role=prod-a-md-0", "its node is not Ready", "cni plugin not initialized", nodes},
		{"cpi-absent:", "DaemonSet vsphere-cloud-controller-manager of prod-a deleted", "node.cloudprovider.kubernetes.io/uninitialized", nodes},
	} {
		if t.Failed() {
			break // the site is not what the next one expects
		}
		t.Run(c.fault, func(t *testing.T) {
			y := tell(t, twin, c.fault+",heal=operator")
			there := func() error { return workersRun(t, m, 2) }
			scale(t, m, "prod-a-md-0", 2)
			await(t, twin, c.target, func() error {
				if l := y.targets(); len(l) == 0 || !strings.Contains(l[0], c.target) {
					return fmt.Errorf("targets: got %q", l)
				}
				return nil
			})
			pass(t, twin, 15*time.Minute)
			await(t, twin, c.symptom, func() error {
				if text := c.in(); !strings.Contains(text, c.symptom) {
					return fmt.Errorf("not in what is said: %s", text)
				}
				return nil
			})
			if there() == nil {
				t.Error("the machine runs in spite of the fault")
			}
			from := twin.Clock().Elapsed()
			y.heal()
			await(t, twin, "the recovery", there)
			t.Logf("%q: recovered after %s of site time", y.targets(), twin.Clock().Elapsed()-from)
			scale(t, m, "prod-a-md-0", 1)
			await(t, twin, "one worker", func() error { return workersRun(t, m, 1) })
		})
	}
	if late := twin.Clock().Stats().Late; late != 0 {
		t.Errorf("late: got %d (%v), want none", late, twin.Clock().GivenUp())
	}
}
