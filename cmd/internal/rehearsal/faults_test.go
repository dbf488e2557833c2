package rehearsal_test

import (
	"strings"
	"testing"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

// TestAFaultShowsItsSymptomAndTheRunCompletesOnceItIsHealed: inject, documented symptom, heal, completion. The shipped
// scenarios have more of these; the other faults have theirs where they share a twin, in sim.
func TestAFaultShowsItsSymptomAndTheRunCompletesOnceItIsHealed(t *testing.T) {
	for _, c := range []struct {
		name, fault           string
		controlPlane, workers int
		symptom               []string // in what the waits said
		target                string   // in what the fault hit first
		verdict               journal.Verdict
	}{
		{"a lost majority of etcd", "etcd-quorum-loss:when=time:1m,heal=time:3m", 3, 1,
			[]string{"etcd"}, "etcd of prod-a: 2 of 3 voting members ended: ", journal.Fail}, // etcd-quorum is an invariant: the run completes and fails
		{"a budget that allows no disruption", "drain-blocked:when=at:workers-prod-a-md-0,heal=time:15m", 1, 2,
			[]string{"cannot evict pod as it would violate the pod's disruption budget"}, "its drain is stopped by PodDisruptionBudget shop/web", journal.Pass},
		{"a worker that does not join", "worker-join-fails:when=at:workers-prod-a-md-0,heal=time:15m", 1, 1,
			[]string{"Waiting for a Node"}, "of prod-a: kubeadm join failed", journal.Pass},
	} {
		t.Run(c.name, func(t *testing.T) {
			res, text := rehearse(t, small(t, c.controlPlane, c.workers), c.fault)
			if res.Verdict != c.verdict {
				t.Errorf("verdict: got %s (%s), want %s", res.Verdict, res.Message, c.verdict)
			}
			f := res.Run.Faults[0]
			if f.Fired == nil || f.Healed == nil {
				t.Fatalf("fault: got fired %v, healed %v, want both", f.Fired, f.Healed)
			}
			if !strings.Contains(f.Fired.Target, c.target) {
				t.Errorf("target: got %q, want %q", f.Fired.Target, c.target)
			}
			for _, s := range c.symptom {
				if !strings.Contains(text, s) {
					t.Errorf("symptom %q: not in what the waits said:\n%s", s, text)
				}
			}
			if last := res.Run.Steps[len(res.Run.Steps)-1]; last.ID != "verified" || last.End == nil || last.End.Outcome != journal.Done {
				t.Errorf("last step: got %s %+v, want verified done", last.ID, last.End)
			}
		})
	}
}

// TestFaultsComeAndGoAtMomentsOfTheRunItself has several faults in one run, two of a kind among them, each at another
// kind of moment: of steps, of machines, of calls to vCenter and writes to the management API.
func TestFaultsComeAndGoAtMomentsOfTheRunItself(t *testing.T) {
	res, _ := rehearse(t, small(t, 1, 1),
		"vm-template-missing:when=call:patch:KubeadmControlPlane/1,heal=time:3m",
		"apprelease-fails:phase=NotReady,when=before:kube-ovn,heal=after:1",
		"worker-join-fails:when=phase:prod-a-md-0/Pending/1,heal=after:1",
		"vm-template-missing:when=call:PowerOffVM_Task/1,heal=time:1m")
	if res.Verdict != journal.Pass {
		t.Errorf("verdict: got %s (%s), want pass", res.Verdict, res.Message)
	}
	for i, id := range []string{"vm-template-missing", "apprelease-fails", "worker-join-fails", "vm-template-missing#2"} {
		if f := res.Run.Faults[i]; f.ID != id || f.Fired == nil || f.Healed == nil {
			t.Errorf("fault %d: got %s, fired %v, healed %v, want %s, both", i, f.ID, f.Fired, f.Healed, id)
		}
	}
}
