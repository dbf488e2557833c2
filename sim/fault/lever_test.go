package fault

import (
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

	"github.com/rehearse-dev/rehearse/fakes/vcenter"
)

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

// A node that has registered a moment ago has a Machine that does not know of it yet: the heal deletes none.
func TestTheHealOfANodeThatIsNeverReadyDeletesNoMachine(t *testing.T) {
	s := &site{} // its API does not answer
	y := tell(t, s, "node-never-ready:heal=after:1")
	s.hit("w-1")
	const target = "Machine w-1 of prod-a: its node is not Ready"
	y.check(t, "armed node-never-ready", "laid a new node that registers in prod-a", "fired "+target, "healed "+target)
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
		{"hostname-taken", "w-1", "a new node that registers in prod-a", "Machine w-1 of prod-a: an older VM has its hostname"},
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
