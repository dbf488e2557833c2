package sim_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rehearse-dev/rehearse/sim"
	"github.com/rehearse-dev/rehearse/sim/clock"
	"github.com/rehearse-dev/rehearse/sim/kube"
)

// TestAFaultOfTheManagementAPIShowsAndHeals has a worker more come while each of the faults is there, looks for the
// symptom, heals it, and waits for the worker to run. All of them heal completely, so they share one twin.
func TestAFaultOfTheManagementAPIShowsAndHeals(t *testing.T) {
	twin := start(t, world(t, 1, 1), sim.Options{Pace: clock.Free})
	people := management(t, twin)
	cfg := twin.Management()
	cfg.UserAgent = kube.Unseen
	m, err := client.New(cfg, client.Options{}) // sees what is there in spite of the fault
	if err != nil {
		t.Fatal(err)
	}
	run := func(n int) func() error { return func() error { return workersRun(t, m, n) } }
	asked := func() string { // what a person is told
		l := newObject("cluster.x-k8s.io/v1beta1", "Cluster", "prod-a")
		if err := people.Get(context.Background(), client.ObjectKeyFromObject(l), l); err != nil {
			return err.Error()
		}
		return ""
	}
	if text := asked(); text != "" { // the client knows the kinds of the server from then on
		t.Fatal(text)
	}
	sets := func() string { return says(t, m, "cluster.x-k8s.io/v1beta2", "MachineSet") }
	for _, c := range []struct {
		fault   string
		target  string        // of what it hit first
		symptom string        // in what in says while the fault is there
		in      func() string // nil: the worker does not come, and that is all
	}{
		{"api-errors:code=503,client=cluster-api", "requests of cluster-api get errors", "", nil},
		{"api-errors:code=500", "get errors", "Internal error occurred", asked},
		{"api-refused:", "are refused", "connect: connection refused", asked},
		{"webhook-unavailable:provider=bootstrap-kubeadm", "nobody listens", "failed calling webhook", sets},
		{"controller-restart:controller=cluster-api", "controller manager cluster-api: ended", "", nil},
		{"controller-restart:controller=infrastructure-vsphere,when=call:CloneVM_Task/1", "infrastructure-vsphere: ended", "", nil},
		{"api-throttled:client=controllers", "are turned away with 429", "", nil},
	} {
		if t.Failed() {
			break // the site is not what the next one expects
		}
		t.Run(c.fault, func(t *testing.T) {
			y := tell(t, twin, c.fault+",heal=operator")
			scale(t, m, "prod-a-md-0", 2)
			await(t, twin, c.target, func() error {
				if l := y.targets(); len(l) == 0 || !strings.Contains(l[0], c.target) {
					return fmt.Errorf("targets: got %q", l)
				}
				return nil
			})
			pass(t, twin, 15*time.Minute)
			if run(2)() == nil {
				t.Error("the worker runs in spite of the fault")
			}
			if c.in != nil && !strings.Contains(c.in(), c.symptom) {
				t.Errorf("got %s, want %q", c.in(), c.symptom)
			}
			from := twin.Clock().Elapsed()
			y.heal()
			await(t, twin, "two workers", run(2))
			t.Logf("%q: recovered after %s of site time", y.targets(), twin.Clock().Elapsed()-from)
			scale(t, m, "prod-a-md-0", 1)
			await(t, twin, "one worker", run(1))
		})
	}
	t.Run("webhook-unavailable of the vSphere provider", func(t *testing.T) {
		y := tell(t, twin, "webhook-unavailable:heal=operator")
		edit := func() error {
			patch := client.RawPatch(types.MergePatchType, []byte(`{"spec":{"minReadySeconds":1}}`))
			return people.Patch(t.Context(), newObject("cluster.x-k8s.io/v1beta1", "MachineDeployment", "prod-a-md-0"), patch, client.DryRunAll)
		}
		const want = `failed calling webhook "consumers.machine-config-pool.twin.rehearse.dev"`
		if err := edit(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("an edit of a MachineDeployment: got %v, want %s", err, want)
		}
		y.heal()
		if err := edit(); err != nil {
			t.Errorf("healed: an edit of a MachineDeployment: %v", err)
		}
	})
	took := func() time.Duration {
		from := twin.Clock().Elapsed()
		scale(t, m, "prod-a-md-0", 2)
		await(t, twin, "two workers", run(2))
		defer func() { scale(t, m, "prod-a-md-0", 1); await(t, twin, "one worker", run(1)) }()
		return twin.Clock().Elapsed() - from
	}
	usual := took()
	for _, c := range []struct {
		fault string
		more  time.Duration // than usual, at least
	}{
		{"watch-delayed:kind=VSphereMachine,delay=2m", 3 * time.Minute},
		{"api-slow:delay=10s", 2 * time.Minute},
		{"vcenter-slow-tasks:factor=5", 5 * time.Minute}, // a clone takes 80 s
	} {
		t.Run(c.fault, func(t *testing.T) {
			y := tell(t, twin, c.fault+",heal=operator")
			if slow := took(); slow < usual+c.more || len(y.targets()) == 0 {
				t.Errorf("a worker took %s, and %s with the fault (%q), want %s more", usual, slow, y.targets(), c.more)
			} else {
				t.Logf("%q: a worker took %s, and %s", y.targets(), usual, slow)
			}
			y.heal()
			if again := took(); again > usual+time.Minute {
				t.Errorf("healed: a worker took %s, want about %s", again, usual)
			}
		})
	}
	if late := twin.Clock().Stats().Late; late != 0 {
		t.Errorf("late: got %d (%v), want none", late, twin.Clock().GivenUp())
	}
}
