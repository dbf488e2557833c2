package rehearsal_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rehearse-dev/rehearse/cmd/internal/rehearsal"
	"github.com/rehearse-dev/rehearse/runner"
	"github.com/rehearse-dev/rehearse/runner/journal"
)

// versions is which versions the machines run that are there at the end, by role.
func versions(r *journal.Run) string {
	var l []string
	for _, m := range r.Machines() {
		if m.Phase != journal.PhaseDeleted {
			l = append(l, fmt.Sprintf("%s %s %v", m.Role, m.Kubelet, m.Ready))
		}
	}
	return strings.Join(l, "\n")
}

const asBefore = `control-plane v1.33.7-3 true
control-plane v1.33.7-3 true
control-plane v1.33.7-3 true
prod-a-md-0 v1.33.7-3 true`

// undone is what a rollback did, step by step.
func undone(r *journal.Run) string {
	var l []string
	for _, s := range r.Steps[r.Rollback.Before:] {
		l = append(l, fmt.Sprintf("%s %s %s", s.Kind, s.ID, s.End.Outcome))
	}
	return strings.Join(l, ", ")
}

// bothUndone is the way back from a control plane that was edited: Kube-OVN's undo comes after it, as the document has it.
const bothUndone = "undo undo/control-plane done, wait undone/control-plane done, undo undo/kube-ovn done, wait undone/kube-ovn done"

func level(t *testing.T, r *journal.Run, step string) journal.Level {
	t.Helper()
	for _, s := range r.Steps {
		if s.ID == step && s.Back != nil {
			t.Logf("after %s: %s: %s", step, s.Back.Level, s.Back.Why)
			return s.Back.Level
		}
	}
	return ""
}

// A machine that cannot be built stops the upgrade in the middle of the control plane, one machine of the target having
// joined: the undos bring the control plane and Kube-OVN back, and the run stays failed.
func TestAFailedUpgradeIsRolledBack(t *testing.T) {
	c := shipped(small(t, 3, 1), "vm-template-missing:when=machine:control-plane/1")
	c.Snapshot, c.RollbackOnFailure = warm, true
	res, _ := conduct(t, c)
	if res.ExitCode != runner.ExitFail || !strings.HasSuffix(res.Message, "; rolled back") {
		t.Errorf("got exit %d: %s, want %d, rolled back", res.ExitCode, res.Message, runner.ExitFail)
	}
	if b := res.Run.Rollback; b == nil || b.End == nil || b.End.Outcome != journal.Done {
		t.Fatalf("got rollback %+v, want it done", b)
	}
	if got := versions(res.Run); got != asBefore {
		t.Errorf("machines at the end: got\n%s\nwant\n%s", got, asBefore)
	}
	if got := undone(res.Run); got != bothUndone {
		t.Errorf("got %s, want %s", got, bothUndone)
	}
	for step, want := range map[string]journal.Level{"templates": journal.Reversible, "control-plane": journal.Reversible,
		"control-plane-rolled": journal.OneWay} {
		if got := level(t, res.Run, step); got != want {
			t.Errorf("after %s: got %q, want %q", step, got, want)
		}
	}
}

// A rollback that is asked for is what is rehearsed: the run comes back from a control plane that has been upgraded, and
// that is a pass.
func TestAnUpgradeThatIsAskedToTurnBackPasses(t *testing.T) {
	const asked = "control-plane-rolled"
	c := shipped(small(t, 1, 1))
	c.Snapshot, c.RollbackAt = warm, asked
	ran := map[string]bool{} // roles of which a machine was ready at the target
	res, _ := conduct(t, c, func(b journal.Body) {
		if m, ok := b.(*journal.Machine); ok && m.Kubelet == "v1.34.5" && m.Ready {
			ran[m.Role] = true
		}
	})
	if res.Verdict != journal.Pass || res.ExitCode != runner.ExitPass {
		t.Errorf("got %s, exit %d: %s, want a pass", res.Verdict, res.ExitCode, res.Message)
	}
	if !ran["control-plane"] || ran["prod-a-md-0"] {
		t.Errorf("roles at the target: got %v, want the control plane alone", ran)
	}
	b := res.Run.Rollback
	if b == nil || b.End == nil || b.End.Outcome != journal.Done {
		t.Fatalf("got rollback %+v, want it done", b)
	}
	if last := res.Run.Steps[b.Before-1]; last.ID != asked || last.End.Outcome != journal.Done {
		t.Errorf("last step forward: got %s %+v, want %s done", last.ID, last.End, asked)
	}
	if got := undone(res.Run); got != bothUndone {
		t.Errorf("got %s, want %s", got, bothUndone)
	}
	if got, want := versions(res.Run), "control-plane v1.33.7-3 true\nprod-a-md-0 v1.33.7-3 true"; got != want {
		t.Errorf("machines at the end: got\n%s\nwant\n%s", got, want)
	}
}

// In prod-b the machines have slots: each comes back to the disks that it had, which the runbook's invariants watch.
func TestTheWayBackFromASiteThatIsHalfUpgraded(t *testing.T) {
	for _, c := range []struct{ cluster, world, want string }{
		{"prod-a", small(t, 3, 1), asBefore},
		{"prod-b", filepath.Join(vsphere, "prod-b.world.star"), strings.ReplaceAll(asBefore, "prod-a", "prod-b") + "\nprod-b-md-0 v1.33.7-3 true"},
	} {
		t.Run(c.cluster, func(t *testing.T) {
			res, _ := conduct(t, rehearsal.Config{Runbook: "testdata/half.star", World: c.world, Snapshot: warm,
				Params: map[string]string{"cluster": c.cluster}})
			if res.Verdict != journal.Pass {
				t.Errorf("got %s: %s, want a pass", res.Verdict, res.Message)
			}
			if got := versions(res.Run); got != c.want {
				t.Errorf("machines at the end: got\n%s\nwant\n%s", got, c.want)
			}
			if last := res.Run.Steps[len(res.Run.Steps)-1]; last.ID != "verified" || last.End.Outcome != journal.Done {
				t.Errorf("last step: got %s %+v, want verified done", last.ID, last.End)
			}
		})
	}
}

// Without a majority of etcd the control plane moves no machine: neither the runbook that rolls back nor the undos of the
// upgrade write anything, and both say what an operator has to do first.
func TestNothingIsRolledBackWithoutAQuorum(t *testing.T) {
	res, _ := conduct(t, rehearsal.Config{Runbook: "testdata/half.star", World: small(t, 3, 1), Snapshot: warm,
		Params: map[string]string{"cluster": "prod-a"}, RollbackOnFailure: true,
		Faults: []string{"etcd-quorum-loss:when=machine:control-plane/1"}})
	if res.ExitCode != runner.ExitFail {
		t.Errorf("got exit %d: %s, want %d", res.ExitCode, res.Message, runner.ExitFail)
	}
	b := res.Run.Rollback
	if b == nil || b.End == nil || b.End.Outcome != journal.Blocked || b.End.Code != "etcd-quorum-lost" {
		t.Fatalf("got rollback %+v, want it blocked with etcd-quorum-lost", b)
	}
	forward, back := res.Run.Steps[b.Before-1], res.Run.Steps[b.Before]
	for _, s := range []*journal.Step{forward, back} {
		if s.End.Code != "etcd-quorum-lost" || !strings.HasPrefix(s.End.Fix, "restore etcd's quorum first") || len(s.Writes) > 0 {
			t.Errorf("%s: got code %q, fix %q and %d writes, want etcd-quorum-lost, what to do and none", s.ID, s.End.Code,
				s.End.Fix, len(s.Writes))
		}
	}
	if forward.ID != "preflight" || back.ID != "undo/half-control-plane" {
		t.Errorf("got %s and %s refused, want preflight and undo/half-control-plane", forward.ID, back.ID)
	}
	if got := level(t, res.Run, "half-rolled"); got != journal.OneWay {
		t.Errorf("after half-rolled: got %q, want %q", got, journal.OneWay)
	}
}
