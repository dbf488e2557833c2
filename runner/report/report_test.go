package report

import (
	"bytes"
	"flag"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-dev/rehearse/runner/journal"
	"github.com/rehearse-dev/rehearse/runner/journal/journaltest"
)

var update = flag.Bool("update", false, "write the golden files of testdata anew")

type story = journaltest.Story

func began(l ...any) story {
	return append(story{journal.RunStarted{
		SchemaVersion: 1, RunID: "run-7f3a", Version: "v0.1.0", Seed: 7,
		Runbook: journal.File{Name: "vsphere-upgrade", Path: "scenarios/vsphere/upgrade.star"},
		World:   &journal.File{Name: "prod-a", Path: "scenarios/vsphere/prod-a.world.star"},
		Params:  map[string]string{"cluster": "prod-a", "target": "4.3.0"}, Invariants: []string{"etcd-quorum"},
		Command: []string{"bin/rehearse", "run", "scenarios/vsphere/upgrade.star", "--world",
			"scenarios/vsphere/prod-a.world.star", "--param", "cluster=prod-a", "--seed", "7"},
	}}, l...)
}

func step(id string, e journal.StepEnded, l ...any) story {
	return stepOf(journal.StepKindStep, id, e, l...)
}

func stepOf(kind journal.StepKind, id string, e journal.StepEnded, l ...any) story {
	s := story{journal.StepStarted{ID: id, Kind: kind, Pos: "scenarios/vsphere/upgrade.star:41:5"}}
	s = append(s, l...)
	e.ID, e.Kind = id, kind
	if e.Outcome == "" {
		e.Outcome = journal.Done
	}
	return append(s, e)
}

func machine(name, role, phase, message string) journal.Machine {
	return journal.Machine{Cluster: "prod-a", Name: name, Role: role, Phase: phase, Ready: phase == "Running",
		Message: message}
}

func there() story {
	return story{machine("cp-1", journal.RoleControlPlane, "Running", ""), machine("cp-2", journal.RoleControlPlane,
		"Running", ""),
		machine("w-1", "md-0", "Running", "")}
}

func patched() story {
	return story{
		journal.WriteIntent{Key: "control-plane/1", Verb: "patch",
			Object: journal.ObjectRef{Kind: "KubeadmControlPlane", Namespace: "cpaas-system", Name: "prod-a"}},
		journal.WriteOutcome{Key: "control-plane/1", OK: true, Changed: true}}
}

func ended(verdict journal.Verdict, code int, message string, writes int) journal.RunEnded {
	return journal.RunEnded{Verdict: verdict, ExitCode: code, Message: message, SiteSeconds: 866, WallSeconds: 20.4,
		Writes: writes}
}

func judge(verdict journal.Verdict, message string) journal.InvariantJudged {
	return journal.InvariantJudged{ID: "etcd-quorum", Verdict: verdict, Message: message, Observations: 42}
}

func stories() map[string]story {
	refused := journal.StepEnded{Outcome: journal.Blocked, Code: "vsphere-template-missing", Doc: "000, Prerequisites",
		Message: `VM template "microos-4.3.0" is missing in vCenter`, Fix: "upload the OVA under exactly that name",
		Trace: "scenarios/vsphere/upgrade.star:41:5: vsphere-template-missing: " +
			"VM template \"microos-4.3.0\" is missing in vCenter\n" +
			"   41 |     require(site.vcenter.has_template(row.vm_template),\n      |     ^\n" +
			"  in run at scenarios/vsphere/upgrade.star:63:14\n  in preflight at scenarios/vsphere/upgrade.star:41:5\n"}
	stuck := journal.StepEnded{Outcome: journal.Failed, Code: "timeout", Message: "waited 3h: 1 of 3 machines updated",
		SiteSeconds: 10800}
	violation := journal.InvariantViolated{ID: "etcd-quorum",
		Message: "etcd of prod-a: got 1 of 3 voting members healthy, want at least 2",
		Evidence: "Machine cp-1: etcd healthy is False: etcd pod: CrashLoopBackOff\n" +
			"Machine cp-2: etcd healthy is False: no leader"}
	return map[string]story{
		"passed": slices.Concat(began(), there(), step("preflight", journal.StepEnded{}),
			stepOf(journal.StepKindGate, "start", journal.StepEnded{}),
			step("control-plane", journal.StepEnded{Writes: 1}, patched()...),
			stepOf(journal.StepKindWait, "control-plane-rolled", journal.StepEnded{SiteSeconds: 866},
				journal.WaitPending{ID: "control-plane-rolled", Text: "0 of 3"},
				machine("cp-3", journal.RoleControlPlane, "Pending", ""), 5*time.Minute,
				machine("cp-3", journal.RoleControlPlane, "Running", ""), machine("cp-1", journal.RoleControlPlane, "Deleted", "")),
			step("verify", journal.StepEnded{Outcome: journal.Noop}, journal.Note{Text: "3 nodes at v1.34.5"}),
			story{judge(journal.Pass, ""), journal.Clock{Jumps: 900, Late: 2}, ended(journal.Pass, 0, "", 1)}),
		"blocked": slices.Concat(began(journal.FaultArmed{ID: "vm-template-missing", Trigger: "before the run"},
			journal.FaultFired{ID: "vm-template-missing", Target: "microos-4.3.0"}), there(), step("preflight", refused),
			story{judge(journal.Pass, ""), ended(journal.Fail, 5, "preflight: "+refused.Message, 0)}),
		"failed": slices.Concat(began(), there(), step("control-plane", journal.StepEnded{Writes: 1}, patched()...),
			stepOf(journal.StepKindWait, "control-plane-rolled", stuck,
				journal.WaitPending{ID: "control-plane-rolled", Text: "1 of 3 machines updated"}, 25*time.Minute,
				journal.WaitStuck{ID: "control-plane-rolled", Text: "1 of 3 machines updated", Since: 1500},
				machine("cp-3", journal.RoleControlPlane, "Provisioning", "unable to find template by name"),
				journal.Warning{Text: "server: cluster.x-k8s.io/v1beta1 Machine is deprecated; use cluster.x-k8s.io/v1beta2 Machine"},
				journal.Warning{Text: "server: cluster.x-k8s.io/v1beta1 Cluster is deprecated; use cluster.x-k8s.io/v1beta2 Cluster"},
				journal.Warning{Text: "server: unknown field"}),
			story{judge(journal.Pass, ""), ended(journal.Fail, 1, "control-plane-rolled: "+stuck.Message, 1)}),
		"violated": slices.Concat(began(journal.FaultArmed{ID: "etcd-quorum-loss", Trigger: "at control-plane"}), there(),
			step("control-plane", journal.StepEnded{Writes: 1}, append(patched(), 90*time.Second,
				journal.FaultFired{ID: "etcd-quorum-loss", Target: "cp-1, cp-2"}, violation, time.Minute,
				journal.FaultHealed{ID: "etcd-quorum-loss", Target: "cp-1, cp-2"})...),
			story{judge(journal.Fail, violation.Message), ended(journal.Fail, 1, "etcd-quorum: "+violation.Message, 1)}),
		"unfired": slices.Concat(began(journal.FaultArmed{ID: "drain-blocked", Trigger: "at workers"}),
			step("preflight", journal.StepEnded{}),
			story{judge(journal.Pass, ""), ended(journal.Error, 3, "armed, not triggered: drain-blocked", 0)}),
		"stopped": slices.Concat(began(), step("control-plane", journal.StepEnded{Outcome: journal.Failed, Code: "stopped",
			Message: "stopped: interrupt"}, patched()...), story{ended(journal.Fail, 4, "stopped by the user", 1)}),
		"rolled-back": slices.Concat(began(), there(), step("control-plane", journal.StepEnded{Writes: 1}, patched()...),
			story{journal.Reversibility{Step: "control-plane", Level: journal.Reversible,
				Why: "no control-plane machine of v1.34 is there yet"}, 20 * time.Minute},
			stepOf(journal.StepKindWait, "control-plane-rolled", journal.StepEnded{SiteSeconds: 1200}),
			story{journal.Reversibility{Step: "control-plane-rolled", Level: journal.OneWay,
				Why: "control-plane machine cp-3 of v1.34 has joined"},
				journal.RollbackStarted{Reason: "as asked for, after control-plane-rolled"}},
			stepOf(journal.StepKindUndo, "undo/control-plane", journal.StepEnded{Writes: 1},
				journal.WriteIntent{Key: "undo/control-plane/1", Verb: "patch",
					Object: journal.ObjectRef{Kind: "KubeadmControlPlane", Namespace: "cpaas-system", Name: "prod-a"}},
				journal.WriteOutcome{Key: "undo/control-plane/1", OK: true, Changed: true}),
			stepOf(journal.StepKindWait, "undone/control-plane", journal.StepEnded{SiteSeconds: 1300}),
			story{journal.RollbackEnded{Outcome: journal.Done}, judge(journal.Pass, ""), ended(journal.Pass, 0, "", 2)}),
		"rollback-blocked": slices.Concat(began(), there(), step("control-plane", journal.StepEnded{Writes: 1}, patched()...),
			stepOf(journal.StepKindWait, "control-plane-rolled", stuck),
			story{journal.RollbackStarted{Reason: "control-plane-rolled: " + stuck.Message}},
			stepOf(journal.StepKindUndo, "undo/control-plane", journal.StepEnded{Outcome: journal.Blocked,
				Code: "etcd-quorum-lost", Message: "etcd of prod-a has no quorum", Fix: "restore quorum first",
				Doc: "000, Rolling Back a Failed Upgrade"}),
			story{journal.RollbackEnded{Outcome: journal.Blocked, Code: "etcd-quorum-lost",
				Message: "undo/control-plane: etcd of prod-a has no quorum"}, judge(journal.Pass, ""),
				ended(journal.Fail, 1, "control-plane-rolled: "+stuck.Message+
					"; rollback blocked: undo/control-plane: etcd of prod-a has no quorum", 1)}),
		"cut-off": slices.Concat(began(), there(), story{journal.StepStarted{ID: "control-plane",
			Kind: journal.StepKindStep}},
			patched()[:1]),
	}
}

func load(t *testing.T, name string, s story) *journal.Run {
	t.Helper()
	r, err := journal.Read(bytes.NewReader(journaltest.Golden(t, name+".jsonl", *update, s.Write(t))))
	if err != nil {
		t.Fatal(err)
	}
	r.Path = "runs/run-7f3a/journal.jsonl"
	return r
}

func TestReports(t *testing.T) {
	for name, s := range stories() {
		run := load(t, name, s)
		for _, f := range Formats {
			t.Run(name+"."+f.Name, func(t *testing.T) {
				got, err := f.Write(run)
				if err != nil {
					t.Fatal(err)
				}
				want := journaltest.Golden(t, name+"."+f.Name, *update, got)
				if diff := cmp.Diff(string(want), string(got)); diff != "" {
					t.Error("(-want +got):\n" + diff)
				}
			})
		}
	}
}

func TestTheTableOfFormatsIsSorted(t *testing.T) {
	if !slices.IsSortedFunc(Formats, func(a, b Format) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("the table is not sorted")
	}
}

func TestDuration(t *testing.T) {
	for seconds, want := range map[float64]string{0: "0s", 59.4: "59s", 59.6: "1m00s", 846: "14m06s", 10800: "3h00m00s"} {
		if got := Duration(seconds); got != want {
			t.Errorf("Duration(%g): got %s, want %s", seconds, got, want)
		}
	}
}

func TestCommandCanBePasted(t *testing.T) {
	got := Command([]string{"rehearse", "run", "a b.star", "--param", "x=it's", ""})
	if want := `rehearse run 'a b.star' --param 'x=it'\''s' ''`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// What a site says is text, whatever it holds: it neither moves the cursor nor begins a line of its own.
func TestASiteCannotSpeakToTheTerminal(t *testing.T) {
	r := journal.NewRun()
	r.Notes = []journal.Said{{Text: "one\x1b[2J\ttwo\nPASS  exit 0\u202ethree"}}
	r.Ended = &journal.RunEnded{Verdict: journal.Fail, ExitCode: 1, Message: "a\x1b]0;b\x07c\rd"}
	got := Text(r)
	if strings.ContainsAny(got, "\x1b\x07\r\u202e") || strings.Contains(got, "\nPASS") {
		t.Errorf("got %q", got)
	}
}

func TestARunThatIsStoppedBeforeItBeginsIsNoError(t *testing.T) {
	got := string(NotBegun(4, "context canceled"))
	if !strings.Contains(got, `"verdict": "fail"`) || !strings.Contains(got, `"message": "stopped by the user"`) {
		t.Errorf("got %s", got)
	}
}
