package fault

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vmware/govmomi/vim25/types"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/client-go/rest"

	"github.com/rehearse-dev/rehearse/fakes/fakekit/fakeclock"
	"github.com/rehearse-dev/rehearse/fakes/vcenter"
)

// site plays a twin of one cluster whose Kubernetes API does not answer.
type site struct {
	Site            // what no test here asks for: nil
	up     []string // voters
	voters int
	unused []string // templates

	hit     func(string) // of the fault that lies in wait
	call    func(string) // tells of a call
	vcenter vcenter.Fault
	api     APIFault
	gone    bool     // a template was taken away
	stopped []string // members
	healed  bool
	owed    []time.Duration // one after another
}

var _ Site = &site{}

func (s *site) HideTemplate(context.Context, string) (func(context.Context) error, error) {
	s.gone = true
	return func(context.Context) error { s.healed = true; return nil }, nil
}
func (s *site) UnusedTemplates(context.Context) ([]string, error) { return s.unused, nil }
func (s *site) EtcdVoters(string) ([]string, int, error)          { return s.up, s.voters, nil }
func (s *site) StopEtcd(_ context.Context, _, member string) (func(context.Context) error, error) {
	s.stopped = append(s.stopped, member)
	return func(context.Context) error { s.healed = true; return nil }, nil
}
func (s *site) FailGuests(_ Edge, _ func(string) bool, hit func(string)) func(context.Context) error {
	s.hit = hit
	return func(context.Context) error { s.healed = true; return nil }
}
func (s *site) Which(string, string) func(string) bool { return func(string) bool { return true } }
func (s *site) FailVCenter(f vcenter.Fault) func() {
	s.vcenter, s.hit = f, f.Fired
	return func() { s.healed = true }
}
func (s *site) FailAPI(f APIFault) func() {
	s.api, s.hit = f, f.Hit
	return func() { s.healed = true }
}
func (s *site) StopController(string) (func(), error) {
	return func() { s.healed = true }, nil
}
func (s *site) DelayWatches(_ string, _ time.Duration, hit func()) func() {
	s.hit = func(string) { hit() }
	return func() { s.healed = true }
}
func (s *site) Datastores() []string { return []string{"ds-1"} }
func (s *site) FailAppRelease(_, _, _ string, hit func(string)) (func(), error) {
	s.hit = hit
	return func() { s.healed = true }, nil
}
func (s *site) OnNoSlot(func(_, _, _ string)) func() { panic("not asked for") }

func (s *site) GrabDisk(func(_, _ string)) (func() error, error) { panic("not asked for") }

func (s *site) FailReclaims(string, func(string)) func() { panic("not asked for") }

func (s *site) OnCall(on func(string)) { s.call = on }
func (s *site) ClusterNames() []string { return []string{"prod-a"} }
func (s *site) Administrator(string) (*rest.Config, error) {
	return nil, errors.New("the API does not answer")
}
func (s *site) Draw(_ string, n int) int { return n - 1 }

// Owed is what is owed now; the next time what is owed then.
func (s *site) Owed() time.Duration {
	if len(s.owed) == 0 {
		return 0
	}
	d := s.owed[0]
	s.owed = s.owed[1:]
	return d
}

// story is what an engine said, a line per event.
type story struct {
	*Engine
	clock  *fakeclock.Clock
	called func(method string)
	lines  []string
}

// tell starts an engine with one fault.
func tell(t *testing.T, s *site, text string) *story {
	t.Helper()
	y := prepare(t, s, text)
	y.Start(t.Context())
	y.Begin(t.Context())
	return y
}

func prepare(t *testing.T, s *site, text string) *story {
	t.Helper()
	spec, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	y := &story{clock: fakeclock.New(), called: func(method string) {
		if s.call != nil {
			s.call(method)
		}
	}}
	say := func(what, more string) { y.lines = append(y.lines, what+" "+more) }
	y.Engine = NewEngine(s, y.clock, []Spec{spec}, Log{
		Armed: func(s Spec) { say("armed", s.ID) }, Laid: func(_ Spec, waits string) { say("laid", waits) },
		Fired: func(_ Spec, target string) { say("fired", target) }, Healed: func(_ Spec, target string) { say("healed", target) },
		Failed: func(_ Spec, err error) { say("failed", err.Error()) }})
	return y
}

func (y *story) check(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(y.lines, want) {
		t.Errorf("got  %q\nwant %q", y.lines, want)
	}
}

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

func TestEachWorkerWhoseJoinFailsIsATarget(t *testing.T) {
	s := &site{}
	y := tell(t, s, "worker-join-fails")
	y.check(t, "armed worker-join-fails", "laid a new worker that joins in prod-a")
	s.hit("w-1")
	s.hit("w-1")
	s.hit("w-2")
	y.check(t, "armed worker-join-fails", "laid a new worker that joins in prod-a",
		"fired Machine w-1 of prod-a: kubeadm join failed", "fired Machine w-2 of prod-a: kubeadm join failed")
}

func TestAFaultThatChangesTheSiteFiresAtOnce(t *testing.T) {
	s := &site{unused: []string{"new"}}
	y := tell(t, s, "vm-template-missing:heal=at:again")
	y.StepStarts(t.Context(), "again")
	y.StepStarts(t.Context(), "again")
	y.check(t, "armed vm-template-missing", "fired VM template new: removed from vCenter", "healed VM template new: removed from vCenter")
}

// A learner has no vote, and a member that is down cannot end once more.
func TestJustEnoughVotersEndForTheMajorityToBeLost(t *testing.T) {
	for _, c := range []struct {
		count      string
		up, voters int
		want       int
		refusal    bool
	}{
		{"", 1, 1, 1, false}, {"", 2, 2, 1, false}, {"", 3, 3, 2, false}, {"", 4, 4, 2, false}, {"", 5, 5, 3, false},
		{"", 2, 3, 1, false}, // one is down already
		{"", 1, 3, 0, true},  // the majority is lost already
		{"3", 3, 3, 3, false},
		{"1", 3, 3, 0, true}, // the majority stays
		{"4", 3, 3, 0, true}, {"two", 3, 3, 0, true},
	} {
		got, err := membersToEnd(c.count, c.up, c.voters)
		if got != c.want || (err != nil) != c.refusal {
			t.Errorf("count %q, %d of %d up: got %d, %v, want %d, refusal %v", c.count, c.up, c.voters, got, err, c.want, c.refusal)
		}
	}
	s := &site{up: []string{"cp-1", "cp-2", "cp-3"}, voters: 3}
	tell(t, s, "etcd-quorum-loss").check(t, "armed etcd-quorum-loss", "fired etcd of prod-a: 2 of 3 voting members ended: cp-3 cp-1")
}

func TestAMemberThatEndsLeavesAMajority(t *testing.T) {
	three := []string{"cp-1", "cp-2", "cp-3"}
	for _, c := range []struct {
		text string
		up   []string
		want string
	}{
		{"etcd-member-down", three, "fired etcd of prod-a: 1 of 3 voting members ended: cp-3"},
		{"etcd-member-down:member=cp-2", three, "fired etcd of prod-a: 1 of 3 voting members ended: cp-2"},
		{"etcd-member-down:member=cp-4", three, `failed fault etcd-member-down: inject: member: got "cp-4", want one of cp-1, cp-2, cp-3`},
		{"etcd-member-down:count=2", three, "failed fault etcd-member-down: inject: 1 of 3 voting members would be left, no majority: that is etcd-quorum-loss"},
		{"etcd-member-down", three[:2], "failed fault etcd-member-down: inject: 1 of 3 voting members would be left, no majority: that is etcd-quorum-loss"},
		{"etcd-nospace:count=4", three, `failed fault etcd-nospace: inject: count: got "4", want at most 3, the voting members that are up`},
	} {
		id, _, _ := strings.Cut(c.text, ":")
		tell(t, &site{up: c.up, voters: 3}, c.text).check(t, "armed "+id, c.want)
	}
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

func TestADenialIsInTheWebhooksWords(t *testing.T) {
	invalid := apierrors.NewInvalid(schema.GroupKind{Kind: "KubeadmControlPlane"}, "kcp", field.ErrorList{field.Forbidden(field.NewPath("spec", "version"), "no")})
	for _, c := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{errors.New("connection refused"), ""},
		{apierrors.NewNotFound(schema.GroupResource{}, "kcp"), ""},
		{apierrors.NewConflict(schema.GroupResource{}, "kcp", errors.New("try again")), ""},
		{fmt.Errorf("patch: %w", invalid), "spec.version: Forbidden: no"},
		{apierrors.NewForbidden(schema.GroupResource{Resource: "templates"}, "t", errors.New("immutable")), `templates "t" is forbidden: immutable`},
		{apierrors.NewInvalid(schema.GroupKind{Kind: "VSphereMachineTemplate"}, "t", field.ErrorList{
			field.Invalid(field.NewPath("spec"), map[string]any{"uid": "4711", "spec": map[string]any{}}, "immutable")}), "spec: Invalid value: {…}: immutable"},
	} {
		if got := denial(c.err); got != c.want {
			t.Errorf("%v: got %q, want %q", c.err, got, c.want)
		}
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

func TestADrainIsStoppedByTheBudgetThatTheMachineNames(t *testing.T) {
	const by = "Drain not completed yet: Pod shop/web-1: cannot evict pod as it would violate the pod's disruption budget. " +
		"The disruption budget web needs 2 healthy pods and has 2 currently"
	for _, c := range []struct {
		message, budget string
		want            bool
	}{
		{by, "web", true},
		{by, "db", false},
		{by, "we", false},
		{"Drain not completed yet: Pod shop/web-1: deletionTimestamp set, but still not removed from the Node", "web", false},
	} {
		if got := stops(c.message, c.budget); got != c.want {
			t.Errorf("%s stops %q: got %v, want %v", c.budget, c.message, got, c.want)
		}
	}
}

// beforeStep tells of a step that is about to begin, on a site where nobody works.
func (y *story) beforeStep(t *testing.T, id string) {
	t.Helper()
	if err := y.BeforeStep(t.Context(), id, func(time.Duration) error { return nil }); err != nil {
		t.Fatal(err)
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

// A node that has registered a moment ago has a Machine that does not know of it yet: the heal deletes none.
func TestTheHealOfANodeThatIsNeverReadyDeletesNoMachine(t *testing.T) {
	s := &site{} // its API does not answer
	y := tell(t, s, "node-never-ready:heal=after:1")
	s.hit("w-1")
	const target = "Machine w-1 of prod-a: its node is not Ready"
	y.check(t, "armed node-never-ready", "laid a new node that registers in prod-a", "fired "+target, "healed "+target)
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

// Each row that only pulls a lever is told of by it, says what it hit, and lets go when it is healed.
func TestALeverIsPulledAndLetGo(t *testing.T) {
	for _, c := range []struct{ text, hit, waits, target string }{
		{"api-errors:code=503,client=site,every=3", "site", "the next request to the management API", "management API: requests of site get errors"},
		{"api-refused", "site", "the next request to the management API", "management API: requests of site are refused"},
		{"api-slow:delay=2s", "cluster-api", "the next request to the management API", "management API: requests of cluster-api are slow"},
		{"api-throttled:retry-after=5s", "site", "the next request to the management API", "management API: requests of site are turned away with 429"},
		{"control-plane-join-fails", "cp-1", "a new control-plane machine that joins in prod-a", "Machine cp-1 of prod-a: kubeadm join failed"},
		{"datastore-full", "w-1", "the next clone of a VM", "VM w-1: no space for its disks"},
		{"node-never-ready", "w-1", "a new node that registers in prod-a", "Machine w-1 of prod-a: its node is not Ready"},
		{"node-stale", "w-1", "a new node that registers in prod-a", "Machine w-1 of prod-a: its kubelet took up a Node of another VM"},
		{"vcenter-credentials-expired", "Login", "the next call to vCenter", "vCenter: a call was refused, the account has expired"},
		{"vcenter-down", "POST /sdk", "the next request to vCenter", "vCenter: a request got 503 Service Unavailable"},
		{"vcenter-slow-tasks:factor=7", "w-1", "the next task of a VM", "VM w-1: its tasks are slow"},
		{"vm-boot-hangs", "w-1", "a new VM that boots in prod-a", "Machine w-1 of prod-a: its boot hangs"},
		{"vm-clone-fails", "w-1", "the next clone of a VM", "VM w-1: its clone failed"},
		{"vm-without-ip", "w-1", "a new VM that boots in prod-a", "Machine w-1 of prod-a: its VM reports no address"},
		{"watch-delayed", "", "the next change of a Machine", "watch of Machine: its events are late"},
	} {
		s := &site{}
		y := prepare(t, s, c.text+map[bool]string{true: ",", false: ":"}[strings.Contains(c.text, ":")]+"heal=operator")
		y.Start(t.Context())
		y.Begin(t.Context())
		id, _, _ := strings.Cut(c.text, ":")
		s.hit(c.hit)
		y.check(t, "armed "+id, "laid "+c.waits, "fired "+c.target)
		if err := y.Heal(t.Context(), id); err != nil || !s.healed {
			t.Errorf("%s: heal: %v, let go %v", id, err, s.healed)
		}
	}
	s := &site{}
	tell(t, s, "api-errors:code=503,client=site,every=3")
	if f := s.api; f.Effect != APIError || f.Status != 503 || !slices.Equal(f.Clients, []string{"site"}) || f.Every != 3 {
		t.Errorf("api-errors: got %+v", f)
	}
	tell(t, s, "api-slow:delay=2s,client=cluster-api")
	if f := s.api; f.Effect != APISlow || f.Delay != 2*time.Second || !slices.Equal(f.Clients, []string{"cluster-api"}) {
		t.Errorf("api-slow: got %+v", f)
	}
	tell(t, s, "api-throttled:retry-after=5s")
	if f := s.api; f.Effect != APIThrottle || f.Delay != 5*time.Second {
		t.Errorf("api-throttled: got %+v", f)
	}
	tell(t, s, "vcenter-slow-tasks:factor=7")
	if f := s.vcenter; f.Effect != vcenter.Slow || f.Factor != 7 {
		t.Errorf("vcenter-slow-tasks: got %+v", f)
	}
	tell(t, s, "datastore-full")
	if _, ok := s.vcenter.Err.(*types.NoDiskSpace); !ok || s.vcenter.Message != "Insufficient disk space on datastore 'ds-1'." {
		t.Errorf("datastore-full: got %T %q", s.vcenter.Err, s.vcenter.Message)
	}
}

// A controller that restarts comes back by itself, unless somebody says when.
func TestARestartIsOver(t *testing.T) {
	for text, after := range map[string]time.Duration{"controller-restart": 30 * time.Second, "controller-restart:heal=time:5m": 5 * time.Minute} {
		s := &site{}
		y := tell(t, s, text)
		y.clock.Advance(after - time.Second)
		if s.healed {
			t.Errorf("%s: back too early", text)
		}
		if y.clock.Advance(time.Second); !s.healed {
			t.Errorf("%s: not back after %s", text, after)
		}
	}
}
