package fault

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

// A fault that nothing has met yet has not fired: a run in which nothing ever does is an error.
func TestAFaultInWaitFiresWhenSomethingMeetsIt(t *testing.T) {
	s := &site{}
	y := tell(t, s, "apprelease-fails:phase=NotReady,heal=time:5m")
	y.clock.Advance(time.Hour)
	y.check(t, "armed apprelease-fails", "laid the next delivery of Kube-OVN to prod-a")
	s.hit("cni-kube-ovn")
	y.clock.Advance(4 * time.Minute)
	if s.healed {
		t.Error("healed too early: the time counts from the moment at which it fired")
	}
	y.clock.Advance(time.Minute)
	const target = "AppRelease cni-kube-ovn of prod-a: NotReady"
	y.check(t, "armed apprelease-fails", "laid the next delivery of Kube-OVN to prod-a", "fired "+target, "healed "+target)
}

func TestAFaultThatChangesTheSiteFiresAtOnce(t *testing.T) {
	s := &site{unused: []string{"new"}}
	y := tell(t, s, "vm-template-missing:heal=at:again")
	y.StepStarts(t.Context(), "again")
	y.StepStarts(t.Context(), "again")
	y.check(t, "armed vm-template-missing", "fired VM template new: removed from vCenter", "healed VM template new: removed from vCenter")
}

func TestAWordThatIsRequiredIsAskedFor(t *testing.T) {
	const want = "fault kube-ovn-version-edited: version: got none, want a version of the chart, such as v4.3.3"
	if _, err := Parse("kube-ovn-version-edited"); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestALatencyThatIsNoneIsRefusedBeforeAnythingStarts(t *testing.T) {
	const want = `fault etcd-slow: latency: got "soon", want a duration, as 5s or 2m`
	if _, err := Parse("etcd-slow:latency=soon"); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestAFaultThatCannotBeInjectedSaysWhy(t *testing.T) {
	y := tell(t, &site{}, "kube-ovn-ungated")
	y.check(t, "armed kube-ovn-ungated", "failed fault kube-ovn-ungated: inject: the API does not answer")
}

func TestNamesAreCheckedBeforeAnythingStarts(t *testing.T) {
	world := Names{ClusterName: {"prod-b", "prod-a"}, TemplateName: {"new", "old"}, RoleName: {"control-plane", "md-0"},
		MachineOf("prod-a", ""): {"cp-1", "md-0-1"}, MachineOf("prod-a", "control-plane"): {"cp-1"}, MachineOf("prod-a", "md-0"): {"md-0-1"},
		MemberOf("prod-a"): {"cp-1"}, MemberOf("prod-b"): {"slot-1"}}
	for _, c := range []struct{ text, want string }{
		{"worker-join-fails:cluster=prod-a", ""},
		{"vm-template-missing:name=new,when=machine:md-0/1", ""},
		{"vm-template-missing", ""},
		{"worker-join-fails:cluster=prod-c", `fault worker-join-fails: cluster: the world has no cluster "prod-c"; there are prod-b, prod-a`},
		{"vm-template-missing:name=newer", `fault vm-template-missing: name: the world has no VM template "newer"; there are new, old`},
		{"machine-deleted:machine=cp-1", ""},
		{"machine-deleted:machine=cp-2", `fault machine-deleted: machine: the world has no machine of prod-a of role control-plane "cp-2"; there are cp-1`},
		{"machine-deleted:machine=md-0-1", `fault machine-deleted: machine: the world has no machine of prod-a of role control-plane "md-0-1"; there are cp-1`},
		{"machine-deleted:machine=md-0-1,role=md-0", ""},
		{"machine-deleted:machine=cp-1,cluster=prod-b", `fault machine-deleted: machine: the world has no machine of prod-b of role control-plane "cp-1"; before the run there is none`},
		{"node-not-ready:machine=md-0-1", ""},
		{"node-not-ready:machine=md-0-2", `fault node-not-ready: machine: the world has no machine of prod-a "md-0-2"; there are cp-1, md-0-1`},
		{"etcd-member-down:member=md-0-1", `fault etcd-member-down: member: the world has no etcd member of prod-a "md-0-1"; there are cp-1`},
		{"etcd-nospace:member=slot-1,cluster=prod-b", ""},
		{"etcd-slow:member=slot-2,cluster=prod-b", `fault etcd-slow: member: the world has no etcd member of prod-b "slot-2"; there are slot-1`},
		{"drain-blocked:when=machine:md-1/1", `fault drain-blocked: when: the world has no role "md-1"; there are control-plane, md-0`},
	} {
		s, err := Parse(c.text)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := s.Check(world); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.text, got, c.want)
		}
	}
}

// TestAStepWithAFaultBeginsWhenNobodyWorks: else it would be chance how far the controllers have come with the step before.
func TestAStepWithAFaultBeginsWhenNobodyWorks(t *testing.T) {
	for _, c := range []struct {
		spec, step string
		rests      bool
	}{
		{"vm-template-missing:when=before:a", "a", true},
		{"vm-template-missing:when=at:a", "a", true},
		{"vm-template-missing:when=time:1m,heal=at:a", "a", true},
		{"vm-template-missing:when=at:a", "b", false},
		{"vm-template-missing:when=time:1m", "a", false},
	} {
		y := prepare(t, &site{unused: []string{"new"}}, c.spec)
		y.Start(t.Context())
		rested, lies := false, fmt.Sprint(y.lines)
		err := y.BeforeStep(t.Context(), c.step, func(d time.Duration) error {
			rested = true
			if now := fmt.Sprint(y.lines); now != lies || d != 0 {
				t.Errorf("%s: before the rest, %s long: got %s, want %s", c.spec, d, now, lies)
			}
			return nil
		})
		if err != nil || rested != c.rests {
			t.Errorf("%s, step %s: got rest %v, error %v; want %v", c.spec, c.step, rested, err, c.rests)
		}
	}
	for _, c := range []struct {
		name string
		owed []time.Duration
		want string
	}{
		{"nothing is put off", nil, "[0s]"},
		{"what is put off puts off more", []time.Duration{time.Second, 2 * time.Second}, "[0s 1s 0s 2s 0s]"},
		{"it never ends", slices.Repeat([]time.Duration{4 * time.Second}, 9), "[0s 4s 0s 4s 0s]"},
	} {
		y := prepare(t, &site{unused: []string{"new"}, owed: c.owed}, "vm-template-missing:when=before:a")
		y.Start(t.Context())
		var slept []time.Duration
		err := y.BeforeStep(t.Context(), "a", func(d time.Duration) error { slept = append(slept, d); y.clock.Advance(d); return nil })
		if got := fmt.Sprint(slept); err != nil || got != c.want {
			t.Errorf("%s: slept %s, error %v; want %s", c.name, got, err, c.want)
		}
	}
	y := prepare(t, &site{unused: []string{"new"}}, "vm-template-missing:when=before:a")
	y.Start(t.Context())
	stopped := errors.New("stopped")
	if err := y.BeforeStep(t.Context(), "a", func(time.Duration) error { return stopped }); !errors.Is(err, stopped) {
		t.Errorf("a rest that is cut off: got %v, want %v", err, stopped)
	}
}

func TestAFaultFiresAtItsMomentAndNotBefore(t *testing.T) {
	machine := func(name, role, phase string, ready bool) func(*story) {
		return func(y *story) {
			y.MachineSays(t.Context(), Machine{Cluster: "prod-a", Name: name, Role: role, Phase: phase, Ready: ready})
			y.clock.Advance(0) // nobody works any more
		}
	}
	const fired = "fired VM template new: removed from vCenter"
	for _, c := range []struct {
		when         string
		before, then func(*story) // before is not the moment yet
	}{
		{"before:a", func(y *story) { y.beforeStep(t, "b"); y.StepStarts(t.Context(), "a") },
			func(y *story) { y.beforeStep(t, "a") }},
		{"at:a", func(y *story) { y.beforeStep(t, "a"); y.StepStarts(t.Context(), "b") },
			func(y *story) { y.StepStarts(t.Context(), "a") }},
		{"time:2m", func(y *story) { y.clock.Advance(time.Minute) }, func(y *story) { y.clock.Advance(time.Minute) }},
		{"machine:md-0/2", func(y *story) {
			machine("old", "md-0", "Running", true)(y)
			machine("new-1", "md-0", "Running", true)(y)
			machine("new-1", "md-0", "Running", true)(y)
			machine("new-2", "md-0", "Running", false)(y)
			machine("cp-1", "control-plane", "Running", true)(y)
		}, machine("new-2", "md-0", "Running", true)},
		{"phase:md-0/Deleting/2", func(y *story) {
			machine("old", "md-0", "Deleting", true)(y)
			machine("old", "md-0", "Deleting", false)(y)
			machine("cp-1", "control-plane", "Deleting", true)(y)
		}, machine("new-1", "md-0", "Deleting", false)},
		{"phase:md-0/Deleted/1", func(y *story) {
			machine("new-1", "md-0", "Deleting", false)(y)
			machine("cp-1", "control-plane", "Deleting", true)(y)
			machine("cp-1", "", "Deleted", false)(y)
		}, machine("new-1", "", "Deleted", false)},
		{"phase:md-0/Running/1", machine("old", "md-0", "Running", true), machine("new-1", "md-0", "Running", false)},
		{"call:CloneVM_Task/2", func(y *story) { y.called("CloneVM_Task"); y.called("PowerOnVM_Task") },
			func(y *story) { y.called("CloneVM_Task") }},
		{"call:patch:Machine/1", func(y *story) { y.called("patch:Cluster") }, func(y *story) { y.called("patch:Machine") }},
	} {
		y := prepare(t, &site{unused: []string{"new"}}, "vm-template-missing:when="+c.when)
		machine("old", "md-0", "Running", true)(y)
		y.Start(t.Context())
		y.Begin(t.Context())
		c.before(y)
		if slices.Contains(y.lines, fired) {
			t.Errorf("%s: fired too early", c.when)
		}
		c.then(y)
		c.then(y)
		y.check(t, "armed vm-template-missing", fired)
	}
}

func TestAFaultThatWasFeltOftenEnoughIsHealed(t *testing.T) {
	s := &site{}
	tell(t, s, "worker-join-fails:heal=after:3")
	for range 2 { // of one machine or of several
		s.hit("w-1")
	}
	if s.healed {
		t.Error("healed after the second time, want after the third")
	}
	s.hit("w-2")
	// The stand-in for the management API does not answer, which the heal of this fault needs for the machines.
	if !s.healed {
		t.Error("not healed after the third time")
	}
	if y := tell(t, &site{unused: []string{"new"}}, "vm-template-missing:heal=after:1"); !slices.Contains(y.lines, "healed VM template new: removed from vCenter") {
		t.Errorf("felt while it was injected: got %q, want it healed", y.lines)
	}
}

func TestAnOperatorHealsByName(t *testing.T) {
	s := &site{unused: []string{"new"}}
	y := prepare(t, s, "vm-template-missing:when=at:a,heal=operator")
	y.Start(t.Context())
	y.Begin(t.Context())
	for _, id := range []string{"vm-template-missing", "drain-blocked"} {
		if err := y.Heal(t.Context(), id); err == nil {
			t.Errorf("%s: got no error, want one: it has not come, or is not of this run", id)
		}
	}
	y.StepStarts(t.Context(), "a")
	for range 2 {
		if err := y.Heal(t.Context(), "vm-template-missing"); err != nil || !s.healed {
			t.Errorf("heal: got %v, healed %v", err, s.healed)
		}
	}
	const target = "VM template new: removed from vCenter"
	y.check(t, "armed vm-template-missing", "fired "+target, "healed "+target)
}
