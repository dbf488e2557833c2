package check

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-dev/rehearse/runner/journal"
	"github.com/rehearse-dev/rehearse/runner/journal/journaltest"
)

var update = flag.Bool("update", false, "write testdata anew")

type story = journaltest.Story

func cp(name, version string, more ...func(*journal.Machine)) journal.Machine {
	m := journal.Machine{Cluster: "prod-a", Name: name, Role: journal.RoleControlPlane, Version: version,
		Kubelet: version, Phase: "Running", Ready: true, Node: name, Etcd: &journal.Etcd{Healthy: "True"}}
	for _, f := range more {
		f(&m)
	}
	return m
}

func worker(name, version, kubelet string) journal.Machine {
	return journal.Machine{Cluster: "prod-a", Name: name, Role: "md-0", Version: version, Kubelet: kubelet,
		Phase: "Running", Ready: true}
}

func deleting(m *journal.Machine) { m.Deleting, m.Phase, m.Ready = true, "Deleting", false }

func etcd(state, message string) func(*journal.Machine) {
	return func(m *journal.Machine) { m.Etcd = &journal.Etcd{Healthy: state, Message: message} }
}

func gone(name string) journal.Machine {
	return journal.Machine{Cluster: "prod-a", Name: name, Phase: journal.PhaseDeleted}
}

func plane(template string) journal.ControlPlane {
	return journal.ControlPlane{Cluster: "prod-a", Name: "prod-a", Version: "v1.34.5", Template: template,
		Replicas: 3, MaxSurge: 1, Current: 3, UpToDate: 3, Available: "True"}
}

func template(name string) journal.Template { return journal.Template{Cluster: "prod-a", Name: name} }

func three(version string, more ...any) story {
	return append(story{plane("cp-1"), cp("a", version), cp("b", version), cp("c", version)}, more...)
}

// withoutSurge removes a machine before it adds one, as persistent disks want it.
var withoutSurge = journal.ControlPlane{Cluster: "prod-a", Name: "prod-a", Version: "v1.34.5", Replicas: 3}

// short is a control plane that counts too few healthy members of etcd.
var short = journal.ControlPlane{
	Cluster: "prod-a", Name: "prod-a", Replicas: 3, MaxSurge: 1, Available: "False",
	Message: "1 of 3 etcd members is healthy, at least 2 healthy member required for etcd quorum",
}

// unready is one that is not available for another reason.
var unready = journal.ControlPlane{Cluster: "prod-a", Name: "prod-a", Replicas: 3, MaxSurge: 1, Available: "False",
	Message: "Control plane certificates are not available"}

var healthyAgain = journal.ControlPlane{Cluster: "prod-a", Name: "prod-a", Replicas: 3, MaxSurge: 1, Available: "True"}

func joining(m *journal.Machine) {
	m.Phase, m.Ready, m.Node, m.Kubelet, m.Etcd = "Provisioned", false, "", "", nil
}

// silent is a machine whose member of etcd does not answer.
func silent(name string) journal.Machine {
	return cp(name, "v1.33.7", etcd("Unknown", "Failed to connect to etcd: context deadline exceeded"))
}

var (
	up   = journal.Endpoint{Cluster: "prod-a", Answers: true}
	down = journal.Endpoint{Cluster: "prod-a", Message: "dial tcp 192.0.2.9:6443: connect: connection refused"}
)

func pods(desired, available int) journal.CloudProvider {
	return journal.CloudProvider{Cluster: "prod-a", Desired: desired, Available: available}
}

// stories are journals that an invariant accepts or refuses, by the name of the file.
var stories = map[string]story{
	"disk-one-machine.accept": append(pooled(), disk("1"), disk("1", "a", "d"), disk("other", "a", "b"), disk("1", "d")),
	"disk-one-machine.refuse": append(pooled(), disk("etcd", "a", "d")),
	"disks-follow-slots.accept": append(pooled(),
		cp("a", "v1.33.7", deleting), disk("etcd"), gone("a"), pool(slot("cp-1", journal.SlotReleased, "a", "u-1")),
		pool(slot("cp-1", journal.SlotInUse, "d", "u-1")), cp("d", "v1.34.5", starting), disk("etcd", "d"), cp("d", "v1.34.5"),
		pool(slot("cp-1", journal.SlotAvailable, "", "")), pool(slot("cp-1", journal.SlotInUse, "e", "u-2"))),
	"disks-follow-slots.accept-a-vcenter-that-does-not-tell": append(pooled(), gone("a"), disk("etcd"), journal.Disk{},
		pool(slot("cp-1", journal.SlotInUse, "d", "u-1")), cp("d", "v1.34.5", starting), cp("d", "v1.34.5")),
	"disks-follow-slots.refuse": append(pooled(), gone("a"), pool(slot("cp-1", journal.SlotReleased, "a", "u-1")),
		pool(slot("cp-1", journal.SlotInUse, "d", "u-2"))),
	"disks-follow-slots.refuse-without-its-disk": append(pooled(), disk("root", "d"), gone("a"), disk("etcd"),
		pool(slot("cp-1", journal.SlotInUse, "d", "u-1")), cp("d", "v1.34.5", starting), cp("d", "v1.34.5")),
	"control-plane-one-minor-at-a-time.accept": three("v1.33.7", asking("v1.34.5", "cp-2"), cp("d", "v1.34.5"),
		gone("a"), gone("b"), cp("e", "v1.34.5"), gone("c"), asking("v1.35.1", "cp-3"), cp("f", "v1.35.1"), gone("d"),
		gone("e"), asking("v1.34.5", "cp-2"), cp("g", "v1.34.5")),
	"control-plane-one-minor-at-a-time.refuse": three("v1.33.7", asking("v1.35.1", "cp-2")),
	"control-plane-one-minor-at-a-time.refuse-kubelet": three("v1.33.7", asking("v1.34.5", "cp-2"), cp("d", "v1.34.5",
		func(m *journal.Machine) { m.Kubelet = "v1.35.1" })),
	"control-plane-one-minor-at-a-time.refuse-machine": three("v1.33.7", asking("v1.34.5", "cp-2"), cp("d", "v1.34.5"),
		gone("a"), gone("b"), cp("e", "v1.35.1")),
	"cpi-available.accept": three("v1.33.7", pods(3, 3), cp("d", "v1.34.5", joining), pods(4, 3), pods(4, 4),
		cp("d", "v1.34.5"), pods(4, 0), 10*time.Minute, pods(3, 3), cp("e", "v1.34.5", joining), pods(3, 0), time.Minute,
		pods(3, 1), 10*time.Minute, cp("e", "v1.34.5")),
	"cpi-available.accept-behind-an-endpoint-that-is-away": three("v1.33.7", cp("d", "v1.34.5", joining), pods(3, 0), down,
		10*time.Minute, pods(3, 3), up),
	"cpi-available.accept-healed-at-the-very-moment": three("v1.33.7", cp("d", "v1.34.5", joining), pods(3, 0),
		118*time.Second, pods(3, 3)),
	"cpi-available.refuse-healed-since": three("v1.33.7", pods(3, 3), cp("d", "v1.34.5", joining), pods(3, 0),
		10*time.Minute, pods(3, 3)),
	"cpi-available.refuse": three("v1.33.7", pods(3, 3), cp("d", "v1.34.5", joining), pods(3, 0), 3*time.Minute,
		journal.WaitPending{ID: "control-plane-rolled", Text: "0 of 3"}),
	"cpi-available.refuse-without-one": three("v1.33.7", journal.CloudProvider{Cluster: "prod-a", Missing: true},
		10*time.Minute, cp("d", "v1.34.5", joining), 3*time.Minute,
		journal.WaitPending{ID: "control-plane-rolled", Text: "0 of 3"}),
	"endpoint-answers.refuse-healed-since": three("v1.33.7", up, down, 10*time.Minute, up),
	"endpoint-answers.accept": three("v1.33.7", journal.Endpoint{Cluster: "prod-a", Answers: true}, time.Hour,
		journal.Endpoint{Cluster: "prod-a", Message: "connection refused"}, 20*time.Second,
		journal.WaitPending{ID: "control-plane-rolled", Text: "0 of 3"},
		journal.Endpoint{Cluster: "prod-a", Answers: true}, time.Hour, cp("a", "v1.33.7", deleting)),
	"endpoint-answers.refuse": three("v1.33.7", journal.Endpoint{Cluster: "prod-a", Answers: true},
		journal.Endpoint{Cluster: "prod-a", Message: "dial tcp 192.0.2.9:6443: connect: connection refused"}, time.Minute,
		journal.WaitPending{ID: "control-plane-rolled", Text: "0 of 3"}),
	"etcd-quorum.accept": three("v1.33.7",
		journal.StepStarted{ID: "control-plane-rolled", Kind: journal.StepKindWait},
		cp("d", "v1.34.5", etcd("Unknown", "Waiting for VSphereMachine to report spec.providerID")),
		cp("d", "v1.34.5", etcd("False", "Waiting for learner etcd member to be promoted")), cp("d", "v1.34.5"),
		cp("a", "v1.33.7", deleting), cp("a", "v1.33.7", deleting, etcd("Unknown", "Machine is deleting")),
		short, gone("a"), time.Second, healthyAgain,
		cp("b", "v1.33.7", etcd("False", "etcd pod: CrashLoopBackOff")), cp("b", "v1.33.7"),
		cp("b", "v1.33.7", etcd("Unknown", "Failed to connect to etcd: context deadline exceeded")), time.Minute,
		cp("c", "v1.33.7", etcd("Unknown", "Failed to connect to etcd: context deadline exceeded")), 20*time.Second,
		cp("b", "v1.33.7"), cp("c", "v1.33.7")),
	"etcd-quorum.accept-a-member-without-a-node": {plane("cp-1"), cp("a", "v1.33.7"), cp("d", "v1.34.5", joining), short,
		10 * time.Minute, journal.WaitPending{ID: "control-plane-rolled", Text: "0 of 1"}},
	"etcd-quorum.accept-behind-an-endpoint-that-is-away": three("v1.33.7", journal.Endpoint{Cluster: "prod-a", Answers: true},
		cp("b", "v1.33.7", etcd("Unknown", "Failed to connect to etcd: context deadline exceeded")),
		cp("c", "v1.33.7", etcd("Unknown", "Failed to connect to etcd: context deadline exceeded")),
		journal.Endpoint{Cluster: "prod-a", Message: "dial tcp 192.0.2.9:6443: connect: connection refused"}, 130*time.Second,
		journal.WaitPending{ID: "control-plane-rolled", Text: "0 of 3"}),
	"etcd-quorum.accept-behind-an-endpoint-that-answers-again": three("v1.33.7", up, silent("b"), silent("c"), down,
		10*time.Minute, up, time.Minute, cp("b", "v1.33.7"), cp("c", "v1.33.7")),
	"etcd-quorum.accept-a-count-that-has-just-fallen-short": three("v1.33.7", unready, 10*time.Minute, short, time.Minute,
		healthyAgain),
	"etcd-quorum.accept-a-count-with-a-machine-that-has-just-gone": three("v1.33.7", cp("a", "v1.33.7", deleting), short,
		10*time.Minute, gone("a"), time.Minute, healthyAgain),
	"etcd-quorum.accept-a-member-whose-machine-is-drained": three("v1.33.7",
		cp("a", "v1.33.7", deleting, etcd("False", "Machine is deleting")),
		cp("b", "v1.33.7", etcd("False", "etcd pod: CrashLoopBackOff")), cp("b", "v1.33.7")),
	"etcd-quorum.accept-a-member-that-has-left": three("v1.33.7", gone("c"),
		cp("a", "v1.33.7", deleting, etcd("False", "Etcd doesn't have an etcd member for Node a")),
		cp("a", "v1.33.7", deleting, etcd("False", "Machine is deleting")),
		cp("a", "v1.33.7", deleting, etcd("Unknown", "Last successful probe at 2026-11-21T02:00:00Z"))),
	"etcd-quorum.refuse-without-the-member-that-has-left": three("v1.33.7",
		cp("a", "v1.33.7", deleting, etcd("False", "Machine is deleting")),
		cp("a", "v1.33.7", deleting, etcd("False", "Etcd doesn't have an etcd member for Node a")),
		cp("b", "v1.33.7", etcd("False", "etcd pod: CrashLoopBackOff"))),
	"etcd-quorum.refuse-a-sick-member-whose-machine-is-drained": three("v1.33.7",
		cp("a", "v1.33.7", etcd("False", "etcd pod: CrashLoopBackOff")),
		cp("a", "v1.33.7", deleting, etcd("False", "Machine is deleting")),
		cp("b", "v1.33.7", etcd("False", "etcd pod: CrashLoopBackOff"))),
	"etcd-quorum.refuse-healed-since": three("v1.33.7", silent("b"), silent("c"), 10*time.Minute, cp("b", "v1.33.7"),
		cp("c", "v1.33.7")),
	"etcd-quorum.refuse-by-its-own-count-healed-since": three("v1.33.7", short, 10*time.Minute, healthyAgain),
	"etcd-quorum.refuse": three("v1.33.7",
		journal.StepStarted{ID: "control-plane-rolled", Kind: journal.StepKindWait},
		cp("b", "v1.33.7", etcd("False", "etcd pod: CrashLoopBackOff")),
		cp("c", "v1.33.7", etcd("False", "Etcd endpoint etcd-c reports errors: etcdserver: no leader"))),
	"etcd-quorum.refuse-out-of-sight": three("v1.33.7",
		cp("b", "v1.33.7", etcd("Unknown", "Failed to get etcd members: context deadline exceeded")),
		cp("c", "v1.33.7", etcd("Unknown", "Failed to get etcd members: context deadline exceeded")),
		130*time.Second, journal.WaitPending{ID: "control-plane-rolled", Text: "0 of 3"}),
	"etcd-quorum.refuse-by-its-own-count": three("v1.33.7", short, 130*time.Second,
		journal.WaitPending{ID: "control-plane-rolled", Text: "0 of 3"}),
	"old-template-kept.accept": three("v1.33.7", template("cp-0"), template("cp-1"),
		journal.StepStarted{ID: "templates", Kind: journal.StepKindStep}, template("cp-2"), plane("cp-2"),
		journal.Template{Name: "cp-0", Deleted: true}, journal.Template{Name: "cp-2", Deleted: true},
		journal.RunEnded{Verdict: journal.Pass}),
	"old-template-kept.refuse": three("v1.33.7", template("cp-1"),
		journal.StepStarted{ID: "tidy", Kind: journal.StepKindStep}, plane("cp-2"),
		journal.Template{Name: "cp-1", Deleted: true}),
	"one-control-plane-machine-at-a-time.accept": three("v1.33.7", cp("d", "v1.34.5"),
		cp("a", "v1.33.7", deleting), gone("a"), cp("e", "v1.34.5"), cp("b", "v1.33.7", deleting), gone("b")),
	"one-control-plane-machine-at-a-time.accept-fewer-replicas": three("v1.33.7",
		journal.ControlPlane{Cluster: "prod-a", Name: "prod-a", Replicas: 1, MaxSurge: 1}, cp("a", "v1.33.7", deleting),
		gone("a"), cp("b", "v1.33.7", deleting), gone("b")),
	"one-control-plane-machine-at-a-time.refuse-one-more-than-fewer-replicas": three("v1.33.7",
		journal.ControlPlane{Cluster: "prod-a", Name: "prod-a", Replicas: 1, MaxSurge: 1}, gone("a"), cp("d", "v1.33.7")),
	"one-control-plane-machine-at-a-time.refuse": three("v1.33.7",
		cp("a", "v1.33.7", deleting), cp("b", "v1.33.7", deleting)),
	"one-control-plane-machine-at-a-time.accept-without-surge": {withoutSurge, cp("a", "v1.33.7"), cp("b", "v1.33.7"),
		cp("c", "v1.33.7"), cp("a", "v1.33.7", deleting), gone("a"), cp("d", "v1.34.5"), cp("b", "v1.33.7", deleting)},
	"one-control-plane-machine-at-a-time.refuse-without-surge": {withoutSurge, cp("a", "v1.33.7"), cp("b", "v1.33.7"),
		cp("c", "v1.33.7"), cp("d", "v1.34.5")},
	"one-control-plane-machine-at-a-time.refuse-surge": three("v1.33.7", cp("d", "v1.34.5"), cp("e", "v1.34.5")),
	"slot-one-machine.accept": append(pooled(), pool(slot("cp-1", journal.SlotReleased, "a", "u-1")),
		pool(slot("cp-1", journal.SlotInUse, "d", "u-1")), pool(slot("cp-1", journal.SlotAvailable, "", ""))),
	"slot-one-machine.refuse": append(pooled(),
		pool(slot("cp-1", journal.SlotInUse, "a", "u-1"), slot("cp-2", journal.SlotInUse, "a", "u-2"))),
	"slot-one-machine.refuse-slot-twice": append(pooled(),
		pool(slot("cp-1", journal.SlotInUse, "a", "u-1"), slot("cp-1", journal.SlotInUse, "b", "u-1"))),
	"slot-one-machine.refuse-lost-count": append(pooled(), pool(slot("cp-1", "", "a", "u-1"))),
	"workers-not-newer.accept": three("v1.34.5", worker("w-1", "v1.33.7", "v1.33.7"),
		worker("w-2", "v1.34.5", ""), worker("w-2", "v1.34.5", "v1.34.9")),
	"workers-not-newer.refuse": append(three("v1.34.5"), cp("a", "v1.33.7"), worker("w-2", "v1.34.5", "")),
	"workers-not-newer.refuse-control-plane-kubelet": append(three("v1.34.5"),
		cp("a", "v1.34.5", func(m *journal.Machine) { m.Kubelet = "v1.33.7" }), worker("w-2", "v1.34.5", "")),
	"workers-not-newer.refuse-kubelet": append(three("v1.33.7"),
		worker("w-1", "v1.33.7", ""), worker("w-1", "v1.33.7", "v1.34.5")),
}

func starting(m *journal.Machine) { m.Phase, m.Ready = "Provisioning", false }

func slot(host, state, machine, uuid string) journal.PoolSlot {
	d := journal.PoolDisk{Name: "var-lib-etcd", UUID: uuid}
	if uuid != "" {
		d.Path = "[ds] etcd.vmdk"
	}
	return journal.PoolSlot{Hostname: host, State: state, Machine: machine, Disks: []journal.PoolDisk{d}}
}

func pool(slots ...journal.PoolSlot) journal.Pool {
	return journal.Pool{Cluster: "prod-a", Name: "cp", Consumer: "KubeadmControlPlane prod-a", Total: len(slots), Slots: slots}
}

// disk is a disk of slot cp-1, "u-1", or another one.
func disk(name string, vms ...string) journal.Disk {
	return journal.Disk{Path: "[ds] " + name + ".vmdk", UUID: "u-1", VMs: vms}
}

// pooled is a control plane whose machine a has slot cp-1.
func pooled() story {
	return append(story{disk("etcd", "a"), pool(slot("cp-1", journal.SlotInUse, "a", "u-1"))}, three("v1.33.7")...)
}

// write makes the journal of a run that watches one invariant; a second passes between two events.
func write(t *testing.T, id string, s story) []byte {
	t.Helper()
	l := story{journal.RunStarted{SchemaVersion: 1, RunID: "test", Invariants: []string{id}}}
	for _, x := range s {
		l = append(l, time.Second, x)
	}
	return l.Write(t)
}

func TestSavedJournalsAreJudged(t *testing.T) {
	for name, s := range stories {
		t.Run(name, func(t *testing.T) {
			id, verdict, _ := strings.Cut(name, ".")
			raw := journaltest.Golden(t, name+".jsonl", *update, write(t, id, s))
			got, err := Replay(bytes.NewReader(raw), nil)
			if err != nil {
				t.Fatal(err)
			}
			want := journal.Pass
			if strings.HasPrefix(verdict, "refuse") {
				want = journal.Fail
			}
			if len(got) != 1 || got[0].ID != id || got[0].Verdict != want {
				t.Errorf("got %+v, want %s of %s", got, want, id)
			}
			t.Log(got[0].Message)
		})
	}
}

// TestEveryViolationIsToldWithItsMomentAndEvidence compares what the journals of the stories say that are refused.
func TestEveryViolationIsToldWithItsMomentAndEvidence(t *testing.T) {
	var got strings.Builder
	for _, name := range slices.Sorted(maps.Keys(stories)) {
		id, verdict, _ := strings.Cut(name, ".")
		if !strings.HasPrefix(verdict, "refuse") {
			continue
		}
		fmt.Fprintln(&got, name)
		for _, x := range said(t, id, stories[name]) {
			v, ok := x.body.(journal.InvariantViolated)
			if !ok || v.Evidence == "" {
				t.Errorf("%s: got %+v, want a violation with its evidence", name, x.body)
			}
			fmt.Fprintf(&got, "\tevent %d at %g, since %g: %s\n", x.after.Seq, x.after.At, v.Since, v.Message)
			fmt.Fprintf(&got, "\t\t%s\n", strings.ReplaceAll(v.Evidence, "\n", "\n\t\t"))
		}
	}
	want := journaltest.Golden(t, "violations.txt", *update, []byte(got.String()))
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Error("(-want +got):\n" + diff)
	}
}

// saying is what a judge had to say after an event.
type saying struct {
	after journal.Event
	body  journal.Body
}

func said(t *testing.T, id string, s story) (l []saying) {
	t.Helper()
	j, err := NewJudge([]string{id})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := journal.Scan(bytes.NewReader(write(t, id, s)), func(e journal.Event) error {
		said, err := j.Observe(e)
		for _, b := range said {
			l = append(l, saying{e, b})
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return l
}

func TestEveryInvariantHasAJournalItAcceptsAndOneItRefuses(t *testing.T) {
	for _, i := range All {
		for _, verdict := range []string{".accept", ".refuse"} {
			if stories[i.ID+verdict] == nil {
				t.Errorf("there is no story %s%s", i.ID, verdict)
			}
		}
	}
}

func TestAClaimThatNothingWasSeenOfIsAnError(t *testing.T) {
	for _, i := range All {
		raw := write(t, i.ID, story{journal.Note{Text: "nothing happens"}})
		got, err := Replay(bytes.NewReader(raw), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got[0].Verdict != journal.Error || got[0].Observations != 0 {
			t.Errorf("got %+v, want an error", got[0])
		}
	}
}

func TestAQuorumThatCannotBeSeenIsNotTakenForOne(t *testing.T) {
	for _, message := range []string{"Last successful probe at 2026-11-21T02:00:00Z",
		"Failed to get the Node hosting the etcd member", "Failed to get etcd alarms: context deadline exceeded"} {
		unseen := func(names ...string) story {
			s := three("v1.33.7")
			for _, n := range names {
				s = append(s, cp(n, "v1.33.7", etcd("Unknown", message)))
			}
			return append(s, 130*time.Second, cp("a", "v1.33.7"), cp("b", "v1.33.7"), cp("c", "v1.33.7"))
		}
		for _, c := range []struct {
			s    story
			want string
		}{
			{unseen("b"), ""},
			{unseen("b", "c"), "etcd of prod-a could not be observed for 120 s: got 1 of 3 voting members in sight: " +
				"Machine b: " + message + "; Machine c: " + message},
		} {
			j, err := NewJudge([]string{"etcd-quorum"})
			if err != nil {
				t.Fatal(err)
			}
			var said []journal.Body
			if _, err := journal.Scan(bytes.NewReader(write(t, "etcd-quorum", c.s)), func(e journal.Event) error {
				l, err := j.Observe(e)
				said = append(said, l...)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			v := j.Verdicts()[0]
			if v.Verdict != journal.Pass || v.Message != c.want {
				t.Errorf("%s: got %s %q, want a pass that says %q", message, v.Verdict, v.Message, c.want)
			}
			var want []journal.Body
			if c.want != "" {
				want = []journal.Body{journal.Warning{Text: "etcd-quorum: " + c.want}}
			}
			if diff := cmp.Diff(want, said); diff != "" {
				t.Errorf("%s: (-want +got):\n%s", message, diff)
			}
		}
	}
}

func TestOnlyTheFirstMomentIsReported(t *testing.T) {
	var violated []journal.Body
	for _, x := range said(t, "one-control-plane-machine-at-a-time", three("v1.33.7", cp("a", "v1.33.7", deleting),
		cp("b", "v1.33.7", deleting), cp("c", "v1.33.7", deleting))) {
		violated = append(violated, x.body)
	}
	want := []journal.Body{journal.InvariantViolated{ID: "one-control-plane-machine-at-a-time",
		Message: "control plane of prod-a: got 2 machines being deleted, want one", Evidence: "a, b"}}
	if diff := cmp.Diff(want, violated); diff != "" {
		t.Error("violations (-want +got):\n" + diff)
	}
}

func TestTheTableIsSortedAndEveryUnknownIdIsRefused(t *testing.T) {
	if !slices.IsSortedFunc(All, func(a, b Invariant) int { return strings.Compare(a.ID, b.ID) }) {
		t.Error("the table of invariants is not sorted")
	}
	_, err := NewJudge([]string{"etcd-quorumm"})
	if err == nil || err.Error() != `no invariant "etcd-quorumm" (did you mean "etcd-quorum"?)` {
		t.Errorf("got %v", err)
	}
}
