package journal

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func fold(t *testing.T, l ...Body) *Run {
	t.Helper()
	run, err := Read(bytes.NewReader(lines(t, l...)))
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func TestAWriteWithoutOutcomeMayHaveChangedSomething(t *testing.T) {
	run := fold(t, StepStarted{ID: "a"},
		WriteIntent{Key: "a/1"}, WriteOutcome{Key: "a/1", OK: true, Changed: true},
		WriteIntent{Key: "a/2"}, WriteOutcome{Key: "a/2", OK: true},
		WriteIntent{Key: "a/3"}, WriteOutcome{Key: "a/3", Error: "refused"},
		WriteIntent{Key: "a/4"}, WriteOutcome{Key: "a/4", Error: "connection lost", Unknown: true},
		WriteIntent{Key: "a/5"})
	if got := run.Changed(); got != 3 {
		t.Errorf("got %d writes that may have changed something, want 3", got)
	}
	if got := len(run.Current().Writes); got != 5 {
		t.Errorf("got %d writes of the step, want 5", got)
	}
}

func TestAWaitKeepsItsLastPendingText(t *testing.T) {
	run := fold(t, StepStarted{ID: "w", Kind: StepKindWait}, WaitPending{ID: "w", Text: "0 of 3"},
		WaitPending{ID: "w", Text: "1 of 3"}, WaitStuck{ID: "w", Text: "1 of 3", Since: 60})
	s := run.Current()
	if s == nil || s.Pending != "1 of 3" || s.PendingSince != 3 || s.Stuck == nil || len(s.Waited) != 2 {
		t.Errorf("got %+v", s)
	}
}

func TestMachinesAreReplaced(t *testing.T) {
	m := func(name, role, phase string) Machine {
		return Machine{Cluster: "c", Name: name, Role: role, Phase: phase, Version: "v1.33.7"}
	}
	run := fold(t,
		m("w-1", "md-0", "Running"), m("cp-1", RoleControlPlane, "Running"),
		StepStarted{ID: "a"},
		m("cp-2", RoleControlPlane, "Pending"), m("cp-2", RoleControlPlane, "Running"),
		m("cp-1", RoleControlPlane, "Deleting"), Machine{Cluster: "c", Name: "cp-1", Phase: PhaseDeleted})
	want := []Replacement{{"c", RoleControlPlane, 1, 1}, {"c", "md-0", 0, 0}}
	if diff := cmp.Diff(want, run.Replaced()); diff != "" {
		t.Error("replaced (-want +got):\n" + diff)
	}
	if got := run.Machines()[0]; got.Name != "cp-1" || got.Version != "v1.33.7" || got.Since != 7 {
		t.Errorf("the first machine is %+v", got)
	}
	var phases []string
	for _, s := range run.Machine("c", "cp-1").History {
		phases = append(phases, fmt.Sprintf("%g %s %s", s.At, s.Role, s.Phase))
	}
	if diff := cmp.Diff([]string{"2 control-plane Running", "6 control-plane Deleting", "7 control-plane Deleted"}, phases); diff != "" {
		t.Error("history (-want +got):\n" + diff)
	}
}

func TestPoolsAndEndpointsKeepWhatTheyWere(t *testing.T) {
	run := fold(t, StepStarted{ID: "a"},
		Pool{Cluster: "c", Name: "p", Total: 1, Slots: []PoolSlot{{Hostname: "s-1", State: SlotInUse, Machine: "m"}}},
		Pool{Cluster: "c", Name: "p", Total: 1, Slots: []PoolSlot{{Hostname: "s-1", State: SlotReleased}}},
		Endpoint{Cluster: "c", Answers: true}, Endpoint{Cluster: "c", Message: "refused"}, Endpoint{Cluster: "c", Message: "again"},
		Endpoint{Cluster: "c", Answers: true}, Endpoint{Cluster: "c", Message: "gone"})
	if p := run.Pools; len(p) != 1 || len(p[0].History) != 2 || p[0].History[1].At != 3 || p[0].Slots[0].State != SlotReleased {
		t.Errorf("got pools %+v", p)
	}
	back := 7.0
	want := []Outage{{5, &back, "refused"}, {8, nil, "gone"}}
	if diff := cmp.Diff(want, run.Endpoints[0].Outages); diff != "" {
		t.Error("outages (-want +got):\n" + diff)
	}
}

func TestTheFirstFiringOfAFaultCounts(t *testing.T) {
	run := fold(t, FaultArmed{ID: "f"}, FaultArmed{ID: "g"}, FaultFired{ID: "f", Target: "x"}, FaultFired{ID: "f",
		Target: "y"},
		FaultHealed{ID: "f"})
	f, g := run.Faults[0], run.Faults[1]
	if f.Fired == nil || f.Fired.Target != "x" || f.At != 3 || f.Times != 2 || len(f.Felt) != 2 || f.Healed == nil || g.Fired != nil {
		t.Errorf("got %+v and %+v", f, g)
	}
}

func TestAViolationIsOfTheMomentThatItSaysAndNotOfTheOneAtWhichItWasSeen(t *testing.T) {
	run := fold(t, InvariantViolated{ID: "a"}, StepStarted{ID: "s"}, StepStarted{ID: "t"}, InvariantViolated{ID: "b", Since: 2.5})
	for i, want := range []float64{1, 2.5} {
		if got := run.Invariants[i].At; got != want {
			t.Errorf("%s: got %g, want %g", run.Invariants[i].ID, got, want)
		}
	}
}

func TestEveryKindHasABodyOfThatKind(t *testing.T) {
	for kind, make := range bodies {
		if got := make().EventKind(); got != kind {
			t.Errorf("the body of %s says that it is %s", kind, got)
		}
	}
}
