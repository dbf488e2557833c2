package report

import (
	"encoding/json"
	"flag"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-dev/rehearse/runner/journal"
	"github.com/rehearse-dev/rehearse/runner/journal/journaltest"
)

var screenshots = flag.String("screenshots", "", "also put what the browser shows into this directory, for people to look at")

// halfwayBack is a run with all that only a page shows: writes with what they changed, a fault that heals, machines that
// come and go, how far each step can be taken back, and a rollback.
func halfwayBack() story {
	at := func(m journal.Machine, version string) journal.Machine {
		m.Version = version
		return m
	}
	kcp := journal.ObjectRef{APIVersion: "controlplane.cluster.x-k8s.io/v1beta1", Kind: "KubeadmControlPlane",
		Namespace: "cpaas-system", Name: "prod-a-kcp"}
	template := journal.ObjectRef{APIVersion: "infrastructure.cluster.x-k8s.io/v1beta1", Kind: "VSphereMachineTemplate",
		Namespace: "cpaas-system", Name: "prod-a-control-plane-v1.34.5"}
	raw := func(s string) json.RawMessage { return json.RawMessage(s) }
	disks := []journal.PoolDisk{{Name: "var-lib-etcd", Path: "[ds] cp-1/etcd.vmdk", UUID: "6000C29a"}}
	pool := func(slots ...journal.PoolSlot) journal.Pool {
		return journal.Pool{Cluster: "prod-a", Name: "prod-a-cp", Consumer: "KubeadmControlPlane prod-a-kcp", Total: 2, Slots: slots}
	}
	return slices.Concat(began(journal.FaultArmed{ID: "vcenter-down", Trigger: "machine:control-plane/1"},
		journal.FaultArmed{ID: "drain-blocked", Trigger: "at:workers"}),
		story{at(machine("prod-a-kcp-4f7xk", journal.RoleControlPlane, "Running", ""), "v1.33.7"),
			at(machine("prod-a-kcp-8phvs", journal.RoleControlPlane, "Running", ""), "v1.33.7"),
			at(machine("prod-a-md-0-qwn6t", "md-0", "Running", ""), "v1.33.7"),
			pool(journal.PoolSlot{Hostname: "cp-1", State: journal.SlotInUse, Machine: "prod-a-kcp-4f7xk", Disks: disks},
				journal.PoolSlot{Hostname: "cp-2", State: journal.SlotAvailable})},
		step("preflight", journal.StepEnded{}), story{journal.Reversibility{Step: "preflight", Level: journal.Reversible,
			Why: "nothing was written"}},
		stepOf(journal.StepKindGate, "start", journal.StepEnded{}),
		step("templates", journal.StepEnded{Writes: 1},
			journal.WriteIntent{Key: "templates/1", Verb: "create", Object: template,
				Patch: raw(`{"spec":{"template":{"spec":{"template":"microos-4.3.0"}}}}`)},
			journal.WriteOutcome{Key: "templates/1", OK: true, Changed: true, After: "7"}),
		step("control-plane", journal.StepEnded{Writes: 1},
			journal.WriteIntent{Key: "control-plane/1", Verb: "patch", Object: kcp, Before: "8",
				Patch: raw(`{"spec":{"version":"v1.34.5"}}`)},
			journal.WriteOutcome{Key: "control-plane/1", OK: true, Changed: true, After: "9", Diff: []journal.Change{
				{Path: "spec.version", Old: raw(`"v1.33.7"`), New: raw(`"v1.34.5"`)},
				{Path: "spec.rolloutStrategy", New: raw(`{"rollingUpdate":{"maxSurge":1}}`)},
				{Path: `metadata.annotations["cpaas.io/hold"]`, Old: raw(`"true"`)}}},
			journal.WriteIntent{Key: "control-plane/2", Verb: "patch", Object: kcp, Before: "9",
				Patch: raw(`{"spec":{"version":"v1.34.5"}}`)},
			journal.WriteOutcome{Key: "control-plane/2", OK: true}),
		story{journal.Reversibility{Step: "control-plane", Level: journal.DataStays,
			Why: "a machine with a persistent disk has been replaced"}},
		stepOf(journal.StepKindWait, "control-plane-rolled", journal.StepEnded{Outcome: journal.Failed, Code: "timeout",
			Message: "waited 40m: 1 of 2 machines updated", SiteSeconds: 2400, Doc: "000, Upgrade the control plane, 3",
			Fix:   "kubectl get machines -n cpaas-system",
			Trace: "upgrade.star:203:5: timeout: waited 40m\n  203 |     ctx.wait(\n      |     ^\n"},
			journal.WaitPending{ID: "control-plane-rolled", Text: "0 of 2 machines updated"},
			at(machine("prod-a-kcp-z8txm", journal.RoleControlPlane, "Pending", ""), "v1.34.5"), 20*time.Second,
			at(machine("prod-a-kcp-z8txm", journal.RoleControlPlane, "Provisioning", "WaitingForClone"), "v1.34.5"), 4*time.Minute,
			at(machine("prod-a-kcp-z8txm", journal.RoleControlPlane, "Provisioned", "Waiting for a Node"), "v1.34.5"), 2*time.Minute,
			at(machine("prod-a-kcp-z8txm", journal.RoleControlPlane, "Running", ""), "v1.34.5"),
			journal.WaitPending{ID: "control-plane-rolled", Text: "1 of 2 machines updated"},
			journal.FaultFired{ID: "vcenter-down", Target: "vCenter vc-a: connection refused"},
			at(machine("prod-a-kcp-4f7xk", journal.RoleControlPlane, "Deleting", "draining"), "v1.33.7"), 6*time.Minute,
			journal.FaultFired{ID: "vcenter-down", Target: "PowerOffVM_Task"}, 3*time.Minute,
			journal.FaultHealed{ID: "vcenter-down"},
			journal.Machine{Cluster: "prod-a", Name: "prod-a-kcp-4f7xk", Phase: journal.PhaseDeleted},
			journal.Machine{Cluster: "prod-a", Name: "prod-a-kcp-8phvs", Role: journal.RoleControlPlane, Phase: "Running",
				Version: "v1.33.7", Message: "Node.Ready: kubelet stopped posting node status"},
			24*time.Minute+40*time.Second,
			journal.WaitStuck{ID: "control-plane-rolled", Text: "1 of 2 machines updated", Since: 1500}),
		story{pool(journal.PoolSlot{Hostname: "cp-1", State: journal.SlotReleased, Machine: "prod-a-kcp-4f7xk", Disks: disks},
			journal.PoolSlot{Hostname: "cp-2", State: journal.SlotInUse, Machine: "prod-a-kcp-z8txm"}),
			journal.Endpoint{Cluster: "prod-a", Answers: true}, journal.Endpoint{Cluster: "prod-a", Message: "connection refused"},
			3 * time.Minute, journal.Endpoint{Cluster: "prod-a", Answers: true},
			pool(journal.PoolSlot{Hostname: "cp-1", State: journal.SlotInUse, Machine: "prod-a-kcp-q2m8d", Disks: disks},
				journal.PoolSlot{Hostname: "cp-2", State: journal.SlotInUse, Machine: "prod-a-kcp-z8txm"})},
		story{journal.Reversibility{Step: "control-plane-rolled", Level: journal.OneWay, Why: "etcd has lost its majority"}},
		story{journal.RollbackStarted{Reason: "control-plane-rolled failed: timeout"}},
		stepOf(journal.StepKindUndo, "undo/control-plane", journal.StepEnded{Outcome: journal.Failed, Code: "conflict",
			Message: "patch KubeadmControlPlane cpaas-system/prod-a-kcp: connection reset"},
			journal.WriteIntent{Key: "undo/control-plane/1", Verb: "patch", Object: kcp, Before: "12",
				Patch: raw(`{"spec":{"version":"v1.33.7"}}`)},
			journal.WriteOutcome{Key: "undo/control-plane/1", Unknown: true, Error: "connection reset"}, 3*time.Minute,
			journal.WriteIntent{Key: "undo/control-plane/2", Verb: "delete", Object: template, Before: "7"},
			journal.WriteOutcome{Key: "undo/control-plane/2", Error: "forbidden"}),
		story{journal.RollbackEnded{Outcome: journal.Failed, Code: "conflict", Message: "the control plane is not restored"},
			journal.Note{Text: "CoreDNS goes back as well"}, journal.Warning{Text: "server: unknown field"},
			journal.InvariantViolated{ID: "workers-not-newer", Message: "md-0 is newer than its control plane",
				Evidence: "Machine prod-a-md-0-qwn6t: v1.34.5"},
			judge(journal.Pass, ""),
			journal.InvariantJudged{ID: "workers-not-newer", Verdict: journal.Fail, Observations: 12},
			journal.InvariantJudged{ID: "old-template-kept", Verdict: journal.Error, Message: "nothing was seen"},
			journal.Clock{Jumps: 700, Late: 3}, ended(journal.Fail, 1, "control-plane-rolled: waited 40m: 1 of 2 machines updated", 3)})
}

// pageStories are the stories of which there are pages.
func pageStories() map[string]story {
	l := stories()
	l["halfway-back"] = halfwayBack()
	return l
}

// exampleSuite has every verdict, a run that could not begin, and two scenarios of one name.
func exampleSuite(t *testing.T) *Suite {
	t.Helper()
	runs := map[string]*journal.Run{}
	for name, s := range pageStories() {
		runs[name] = load(t, name, s)
	}
	file := "scenarios/vsphere/upgrade_test.star"
	repeat := func(name string) []string {
		return []string{"rehearse", "test", file, "--run", "^" + name + "$", "--seed", "7"}
	}
	return &Suite{Command: []string{"rehearse", "test", "scenarios", "--shard", "2/5", "--seed", "7"}, Version: "v0.1.0", Seed: 7,
		Started: journaltest.Start, WallSeconds: 95.2, Shard: "2/5", Cases: []*Case{
			{Name: "happy path", File: file, Line: 21, Doc: "000, Steps", World: "prod-a", Expect: "completes within 3h",
				Verdict: journal.Pass, WallSeconds: 20.4, Overhead: 2.1, Run: runs["passed"], Repeat: repeat("happy path")},
			{Name: "template not uploaded", File: file, Line: 27, World: "prod-a", Faults: []string{"vm-template-missing"},
				Expect:  "blocked at preflight, code vsphere-template-missing, 0 writes",
				Verdict: journal.Pass, WallSeconds: 4.1, Overhead: 2.3, Run: runs["blocked"], Repeat: repeat("template not uploaded")},
			{Name: "etcd loses its majority", File: file, Line: 33, World: "prod-a",
				Faults: []string{"etcd-quorum-loss:when=at:control-plane,heal=time:20m"}, Expect: "completes, invariant etcd-quorum broken",
				Verdict: journal.Fail, Problems: []string{"got fail at control-plane, want it to complete\nwith more lines", "got 1 write, want 2"},
				WallSeconds: 31, Overhead: 2.2, Dir: "runs/suite/3", Run: runs["violated"], Repeat: repeat("etcd loses its majority")},
			{Name: "vCenter goes away, and back", File: file, Line: 40, World: "prod-a",
				Faults: []string{"vcenter-down:when=machine:control-plane/1,heal=time:9m", "drain-blocked:when=at:workers"},
				Expect: "stuck at control-plane-rolled, rolled back", Verdict: journal.Error,
				Problems:    []string{"armed, not triggered: drain-blocked"},
				WallSeconds: 39.7, Overhead: 2.2, Run: runs["halfway-back"], Repeat: repeat("vCenter goes away, and back")},
			{Name: "happy path", File: "scenarios/other.star", Line: 3, World: "prod-b", Expect: "completes", Verdict: journal.Error,
				Problems: []string{"world prod-b is unhealthy before any fault: Machine b-1 is Failed"}, Dir: "runs/suite/5",
				Faults: []string{"vcenter-down"}, Repeat: []string{"rehearse", "test", "scenarios/other.star"}},
			{Name: "Happy Path", File: "scenarios/other.star", Line: 9, Expect: "completes", Verdict: journal.Skip,
				Problems: []string{"--fail-fast: an earlier scenario did not pass"}},
		}}
}

var styleSheet = regexp.MustCompile(`(?s)<style>.*</style>`)

// golden compares a page without its style sheet, which is one file of its own.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	got = styleSheet.ReplaceAll(got, []byte("<style></style>"))
	want := journaltest.Golden(t, name, *update, got)
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Error("(-want +got):\n" + diff)
	}
}

func TestPagesOfRuns(t *testing.T) {
	for name, s := range pageStories() {
		t.Run(name, func(t *testing.T) {
			got, err := HTML(load(t, name, s))
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".html", got)
			again, err := HTML(load(t, name, s))
			if err != nil || string(again) != string(got) {
				t.Errorf("got another page of the same run (%v)", err)
			}
		})
	}
}

func TestPagesOfASuite(t *testing.T) {
	files, err := SuiteHTML(exampleSuite(t))
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "suite.index.html", files["index.html"])
	golden(t, "suite.not-begun.html", files["other.happy-path.html"])
	golden(t, "suite.error.html", files["upgrade-test.vcenter-goes-away-and-back.html"])
	if _, ok := files["other.happy-path.2.html"]; !ok || len(files) != 7 {
		t.Errorf("got %d files, want an index and a page for each of 6 scenarios, two of one name", len(files))
	}
}

func TestAnEmptySuiteHasAPage(t *testing.T) {
	files, err := SuiteHTML(&Suite{})
	if err != nil || !strings.Contains(string(files["index.html"]), "There is none.") {
		t.Errorf("got %v and %d files", err, len(files))
	}
}

func TestStepsOfScenariosShareTheirColumns(t *testing.T) {
	run := func(ids ...string) *Case {
		r := journal.NewRun()
		for _, id := range ids {
			r.Steps = append(r.Steps, &journal.Step{StepStarted: journal.StepStarted{ID: id}})
		}
		return &Case{File: "f", Run: r}
	}
	back := run("a", "b", "undo-b")
	back.Run.Rollback = &journal.Rollback{Before: 2}
	got := stepsOf([]*Case{run("a"), run("a", "b", "d"), {File: "f"}, run("a", "b", "c", "d"), run("0", "a"), back}, "f")
	if want := []string{"0", "a", "b", "c", "d", "rollback"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTicksAreFewAndRound(t *testing.T) {
	for _, total := range []float64{7, 59, 866, 10800, 86400, 30 * 86400} {
		line := timeline{total: total}
		line.ticks()
		if n := len(line.Ticks); n < 2 || n > maxTicks+1 {
			t.Errorf("%s: got %d ticks: %v", Duration(total), n, line.Ticks)
		}
	}
	line := timeline{total: 3000}
	line.ticks()
	if got := line.Ticks[1].Text; got != "10m" {
		t.Errorf("got %s, want 10m", got)
	}
}

// hostile texts would leave the place that they are put into, if it were not for escaping.
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `</style><script>alert(1)</script>`,
	`</pre></title></table><h1>PASS</h1>`, `{{.Started}}`, `{{template "head"}}`, `javascript:alert(1)`, `url(https://example.com/x)`,
	"\x00\x1b[2J\xff\xfe", "\u202etxet\u2066", "<!--", "-->", "]]>", "&lt;b&gt;", `\"`, "100%; background: url(//example.com)",
}

// A page has the same shape whatever a site says: no text opens or closes a tag, or ends an attribute.
func TestTextsOfASiteStayTexts(t *testing.T) {
	want := shapes(t, "x")
	for _, text := range hostile {
		for name, got := range shapes(t, text) {
			if got != want[name] {
				t.Errorf("%s with %q: got shape %s, want %s", name, text, got, want[name])
			}
		}
	}
}

func FuzzTextsStayTexts(f *testing.F) {
	for _, text := range hostile {
		f.Add(text)
	}
	want := shapes(f, "x")
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.ReplaceAll(text, "\n", " ") // lines of evidence are items of a list
		for name, got := range shapes(t, text) {
			if got != want[name] {
				t.Errorf("%s: got shape %s, want %s", name, got, want[name])
			}
		}
	})
}

// shapes is, by page, all that gives a page its shape, when every text of a suite and its runs is this one.
func shapes(t testing.TB, text string) map[string]string {
	t.Helper()
	files, err := SuiteHTML(told(text))
	if err != nil {
		t.Fatal(err)
	}
	shapes := map[string]string{}
	for name, b := range files {
		page := string(b)
		if i := strings.IndexFunc(page, func(r rune) bool { return r == 0 || r == '\x1b' || r == '\u202e' || r == '\u2066' }); i >= 0 {
			t.Errorf("%s: got a character that deceives at %d", name, i)
		}
		kind := "run"
		switch {
		case name == "index.html":
			kind = "suite"
		case strings.Contains(page, "did not begin"):
			kind = "case"
		}
		shapes[kind] = strings.Map(func(r rune) rune {
			if strings.ContainsRune(`<>"`, r) {
				return r
			}
			return -1
		}, page)
	}
	return shapes
}

// told is a suite in which every text is the same.
func told(text string) *Suite {
	text = "t" + text
	raw, _ := json.Marshal(text)
	said := []journal.Said{{Text: text}}
	r := journal.NewRun()
	r.Path = text
	r.Started = journal.RunStarted{RunID: text, Version: text, Runbook: journal.File{Name: text, Path: text, SHA256: map[string]string{text: text}},
		World:  &journal.File{Name: text, SHA256: map[string]string{text: text}},
		Params: map[string]string{text: text}, Command: []string{text}, Resumes: text, WallTimeOnly: []string{text}}
	r.Ended = &journal.RunEnded{Verdict: journal.Fail, ExitCode: 1, Message: text}
	ref := journal.ObjectRef{APIVersion: text, Kind: text, Namespace: text, Name: text}
	w := &journal.Write{WriteIntent: journal.WriteIntent{Key: text, Verb: text, Cluster: text, Object: ref, Patch: raw, Before: text},
		Outcome: &journal.WriteOutcome{OK: true, Changed: true, Diff: []journal.Change{{Path: text, Old: raw, New: raw}}}}
	lost := &journal.Write{WriteIntent: w.WriteIntent, Outcome: &journal.WriteOutcome{Unknown: true, Error: text}}
	for range 2 {
		r.Steps = append(r.Steps, &journal.Step{
			StepStarted: journal.StepStarted{ID: text, Kind: journal.StepKind(text), Doc: text, Risk: text, Text: text, Pos: text},
			End:         &journal.StepEnded{ID: text, Outcome: journal.Failed, Code: text, Message: text + "!", Fix: text, Doc: text, Trace: "at"},
			Pending:     text + "?", Stuck: &journal.WaitStuck{Text: text}, Waited: said, Writes: []*journal.Write{w, lost},
			Back: &journal.Reversibility{Level: journal.Level(text), Why: text}})
	}
	r.Writes = []*journal.Write{w, lost}
	r.Rollback = &journal.Rollback{RollbackStarted: journal.RollbackStarted{Reason: text}, Before: 1,
		End: &journal.RollbackEnded{Outcome: journal.Failed, Code: text, Message: text}}
	healed := 1.0
	r.Faults = []*journal.Fault{{FaultArmed: journal.FaultArmed{ID: text, Trigger: text}, Fired: &journal.FaultFired{Target: text},
		Felt: append(said, said...), Healed: &healed}}
	r.Invariants = []*journal.Invariant{{ID: text, Violated: &journal.InvariantViolated{Message: text, Evidence: text}}}
	r.Notes, r.Warnings = said, said
	e := func(b journal.Body, at float64) {
		body, _ := json.Marshal(b)
		r.Events = 1
		ended := r.Ended
		r.Ended = nil
		_ = r.Apply(journal.Event{Kind: b.EventKind(), At: at, Body: body})
		r.Ended = ended
	}
	slot := journal.PoolSlot{Hostname: text, State: journal.SlotInUse, Machine: text, Disks: []journal.PoolDisk{{Name: text, Path: text, UUID: text}}}
	e(journal.Pool{Cluster: text, Name: text, Consumer: text, Slots: []journal.PoolSlot{slot}}, 0)
	e(journal.Endpoint{Cluster: text, Message: text}, 0)
	for at, phase := range []string{"Pending", text, "Running"} {
		e(journal.Machine{Cluster: text, Name: text, Role: text, Phase: phase, Version: text, Message: text}, float64(at))
	}
	c := Case{Name: text, File: text, Doc: text, World: text, Faults: []string{text}, Expect: text, Verdict: journal.Fail,
		Problems: []string{text}, Blamed: text, Dir: text, Repeat: []string{text}}
	begun := c
	begun.Run = r
	return &Suite{Command: []string{text}, Version: text, Shard: text, Cases: []*Case{&c, &begun}}
}
