package dsl_test

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/dsl/internal/chunk"
	"github.com/rogpeppe/go-internal/txtar"
)

func TestScenarioFiles(t *testing.T) {
	for _, c := range chunk.Read(t, "testdata/scenario.star") {
		t.Run(c.Name, func(t *testing.T) {
			loader, file := inMemory(t, "scenario.star", c.Source)
			c.Check(t, loader.Check(file))
		})
	}
}

func firstSuite(t *testing.T) *dsl.Suite {
	t.Helper()
	loader, file := inMemory(t, "scenario.star", chunk.Read(t, "testdata/scenario.star")[0].Source)
	s, err := loader.Suite(file)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAScenarioIsPlainData(t *testing.T) {
	s := firstSuite(t)
	if s.Name != "upgrade" || s.Doc != "all of it" || len(s.Scenarios) != 2 {
		t.Fatalf("got suite %+v, want upgrade with two scenarios", s)
	}
	x := s.Scenarios[1]
	var faults []string
	for _, f := range x.Faults {
		text, err := f.Text([]string{"name"})
		if err != nil {
			t.Fatal(err)
		}
		faults = append(faults, text)
	}
	want := []string{
		"vm-template-missing:name=old,when=at:preflight,heal=operator",
		"etcd-member-down:count=2,when=machine:control-plane/2,heal=time:20m",
		"slow:when=phase:md-0/Deleting/1,heal=after:3",
		"down:when=call:CloneVM_Task/2,heal=never",
		"early:when=before:preflight,heal=at:preflight",
		"late:when=time:1h",
	}
	if diff := cmp.Diff(faults, want); diff != "" {
		t.Errorf("faults (-got +want):\n%s", diff)
	}
	if got, want := x.Expect.String(), `stuck at preflight, code x, because "etcd", 2 writes, within 2h0m0s, rollback refused, etcd-quorum is violated, workers-not-newer holds, never verified, two words, in the order start, fault:late, preflight, undo/preflight, undone/preflight`; got != want {
		t.Errorf("expectation: got %q, want %q", got, want)
	}
	if *x.Seed != 7 || x.Tags[0] != "slow" || x.Params["target"] != "4.3.0" || len(x.Operator["manual"]) != 3 || x.Operator["start"][0].Reject != "not today" {
		t.Errorf("got %+v, want what the file says", x)
	}
	if s.Scenarios[0].Params["target"] != "4.3.0" || *s.Scenarios[0].Expect.Writes != 7 {
		t.Errorf("got %+v, want a version as text and 7 writes", s.Scenarios[0])
	}
}

func TestAWorldOverABaseChangesIt(t *testing.T) {
	w := firstSuite(t).Scenarios[1].World
	if len(w.Clusters) != 1 || w.Clusters[0].Name != "prod-a" || w.VCenter.Templates[0].Name != "old" {
		t.Errorf("got %+v, want the clusters and templates of the base", w)
	}
	if len(w.Changes) != 2 || w.Changes[0].Kind != "KubeadmControlPlane" || string(w.Changes[0].Merge) != `{"spec":{"replicas":1}}` || string(w.Changes[1].Merge) != "null" {
		t.Errorf("got changes %+v, want those of the world", w.Changes)
	}
}

func TestAScenarioStandsWhereItsFileAsksForIt(t *testing.T) {
	loader, file := inMemory(t, "a_test.star", `w = world(clusters = [])
book = runbook(name = "a", run = lambda ctx, p: None)
def case(name):
    scenario(name, world = w, runbook = book, expect = completes())
case("one")
case("two")
`)
	s, err := loader.Suite(file)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := s.Scenarios[0].Pos.Line, s.Scenarios[1].Pos.Line; a != 5 || b != 6 {
		t.Errorf("got lines %d and %d, want those of the calls, 5 and 6", a, b)
	}
}

func TestStepIDsOfARunbook(t *testing.T) {
	dir := archive(t, []txtar.File{
		{Name: "a.star", Data: []byte(`load("lib.star", "more")
def run(ctx, p):
    ctx.step("preflight", None)
    ctx.gate(id = "start", question = "?")
    for name in ["a"]:
        ctx.step("workers-" + name, None)
        ctx.wait("workers-%s-rolled" % name, None, timeout = "1h")
    more(ctx)
runbook(name = "a", run = run)
`)},
		{Name: "lib.star", Data: []byte("def more(c):\n    c.manual(\"call-home\", \"?\")\n")},
	})
	rb, err := dsl.Loader{}.Runbook(filepath.Join(dir, "a.star"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range rb.StepIDs() {
		got = append(got, s.Kind+" "+s.Pattern)
	}
	want := []string{"step preflight", "gate start", "step workers-*", "wait workers-*-rolled", "manual call-home"}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	for id, want := range map[string]bool{"workers-md.0": true, "workers-md-0-rolled": true, "worker-md-0": false, "preflights": false} {
		any := false
		for _, s := range rb.StepIDs() {
			any = any || s.Matches(id)
		}
		if any != want {
			t.Errorf("%s: got %v, want %v", id, any, want)
		}
	}
}

func TestAStepWhoseIDIsNotInTheSourceMayHaveAnyID(t *testing.T) {
	for name, run := range map[string]string{
		"a variable":      "ctx.step(p.id, None)",
		"another name":    "s = ctx.step\n    s(\"x\", None)",
		"found by name":   "getattr(ctx, \"st\" + \"ep\")(\"x\", None)",
		"a list of args":  "ctx.step(*[\"x\", None])",
		"keywords of all": "ctx.step(**{\"id\": \"x\", \"fn\": None})",
	} {
		t.Run(name, func(t *testing.T) {
			loader, file := inMemory(t, "a.star", "def run(ctx, p):\n    "+run+"\nrunbook(name = \"a\", run = run)\n")
			rb, err := loader.Runbook(file)
			if err != nil {
				t.Fatal(err)
			}
			any := false
			for _, s := range rb.StepIDs() {
				any = any || s.Matches("x")
			}
			if !any {
				t.Errorf("got ids %+v, want one that x matches", rb.StepIDs())
			}
		})
	}
}
