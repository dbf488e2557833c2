package dsl_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/dsl/diag"
	"github.com/rehearse-dev/rehearse/dsl/dsltest"
)

// play loads a source, binds nothing and runs it.
func play(t *testing.T, host dsl.Host, source string) error {
	t.Helper()
	return playContext(t, t.Context(), host, source)
}

func playContext(t *testing.T, ctx context.Context, host dsl.Host, source string) error {
	t.Helper()
	loader, file := inMemory(t, "play.star", source)
	rb, err := loader.Runbook(file)
	if err != nil {
		t.Fatal(err)
	}
	p, err := rb.Bind(nil)
	if err != nil {
		t.Fatal(err)
	}
	return rb.Run(ctx, host, p)
}

const story = `
def look(site):
    return struct(names = set(["b", "a"]), version = version("v1.33.7-1"), first = (1, 2.0))

def run(ctx, p):
    s = ctx.step("look", look, risk = "read")
    for name in s.names:
        ctx.step("mark-" + name, lambda site, name: noop(name), name, undo = "keep")
    if s.version < version("v1.34.0") and s.first == (1, 2.0):
        ctx.wait("older", lambda site: done({"z": 1, "a": s.version}), timeout = "1m")

runbook(name = "story", run = run)
`

func TestARecordedResultEqualsAFreshOne(t *testing.T) {
	fresh := &dsltest.Host{Site: smallSite()}
	if err := play(t, fresh, story); err != nil {
		t.Fatal(err)
	}
	want := []string{"step look: done", "step mark-b: noop", "step mark-a: noop", "wait older: done after 1 polls"}
	if diff := cmp.Diff(fresh.Log, want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	known := map[string]json.RawMessage{}
	for id, raw := range fresh.Results { // as a journal carries it: inside of another object
		line, _ := json.Marshal(map[string]any{"value": raw})
		var event struct{ Value json.RawMessage }
		if err := json.Unmarshal(line, &event); err != nil {
			t.Fatal(err)
		}
		known[id] = event.Value
	}
	replay := &dsltest.Host{Known: known}
	if err := play(t, replay, story); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(replay.Results, fresh.Results, cmp.Transformer("text", func(r json.RawMessage) string { return string(r) })); diff != "" {
		t.Errorf("(-replayed +fresh):\n%s", diff)
	}
	if got := replay.Log[0]; got != "step look: known" {
		t.Errorf("got %q, want the recorded result taken", got)
	}
}

func TestARefusalKeepsItsCodeOnTheWayOut(t *testing.T) {
	err := play(t, &dsltest.Host{Site: smallSite()}, `
def preflight(site):
    require(site.vcenter.has_template("new"),
        "VM template %r is missing" % "new", code = "template-missing", fix = "upload it", doc = "seed 000")

runbook(name = "x", run = lambda ctx, p: ctx.step("preflight", preflight, risk = "read"))
`)
	var refusal *dsl.Refusal
	if !errors.As(err, &refusal) {
		t.Fatalf("got %v, want a Refusal in it", err)
	}
	want := &dsl.Refusal{Code: "template-missing", Message: `VM template "new" is missing`, Fix: "upload it", Doc: "seed 000",
		Pos: dsl.Position{File: "play.star", Line: 3, Col: 5}}
	if diff := cmp.Diff(refusal, want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	text := `play.star:3:5: template-missing: VM template "new" is missing
    3 |     require(site.vcenter.has_template("new"),
      |     ^
  in lambda at play.star:6:42
  in preflight at play.star:3:5
hint: upload it
doc: seed 000
`
	if diff := cmp.Diff(diag.Text(err), text); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	if diag.Invalid(err) {
		t.Error("a refusal is not an invalid runbook")
	}
}

func TestAnErrorOfTheSiteIsNoMistakeOfTheScript(t *testing.T) {
	site := smallSite()
	down := errors.New("etcdserver: no leader")
	site.Clusters["prod-a"].Down = down
	err := play(t, &dsltest.Host{Site: site}, `
def up(site):
    return done() if site.workload("prod-a").list("Node") else pending("no node yet")

runbook(name = "x", run = lambda ctx, p: ctx.wait("up", up, timeout = "1m"))
`)
	var refused *dsl.SiteError
	if !errors.Is(err, down) || !errors.As(err, &refused) || diag.All(err)[0].Code != "site-refused" {
		t.Errorf("got %v, want a SiteError", err)
	}
}

func TestAPendingCodeReachesTheHost(t *testing.T) {
	host := &dsltest.Host{Site: smallSite()}
	err := play(t, host, `
runbook(name = "x", run = lambda ctx, p: ctx.wait("up", lambda site: pending("no node", code = "no-node"), timeout = "1m", stuck_after = "30s"))
`)
	var stopped *dsltest.Stopped
	if !errors.As(err, &stopped) || stopped.Poll.Code != "no-node" {
		t.Fatalf("got %v, want the wait's time to run out with the code no-node", err)
	}
	if w := host.Waits[0]; w.Timeout != time.Minute || w.StuckAfter != 30*time.Second {
		t.Errorf("got %+v, want a timeout of 1m and stuck after 30s", w)
	}
}

func TestWhatTheHostRefusesEndsTheRunbook(t *testing.T) {
	denied := errors.New("not tonight")
	host := &dsltest.Host{Site: smallSite(), Deny: map[string]error{"go": denied}}
	err := play(t, host, `
def run(ctx, p):
    ctx.gate("go", "Go on?")
    ctx.note("never")

runbook(name = "x", run = run)
`)
	if !errors.Is(err, denied) || !strings.HasPrefix(err.Error(), "play.star:3:5: run-ended: not tonight") {
		t.Errorf("got %v, want the host's error at its line", err)
	}
	if len(host.Log) != 1 {
		t.Errorf("got %q, want nothing after the gate", host.Log)
	}
}

func TestAContextStopsAScript(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("ctrl-c")
	cancel(cause)
	err := playContext(t, ctx, &dsltest.Host{Site: smallSite()}, `
def run(ctx, p):
    for i in range(1000000000):
        pass

runbook(name = "x", run = run)
`)
	all := diag.All(err)
	if !errors.Is(err, cause) || !errors.Is(err, context.Canceled) || len(all) != 1 || all[0].Code != "cancelled" {
		t.Errorf("got %v, want it cancelled by %v", err, cause)
	}
}

func TestUndoRunsWhenTheRunbookIsOver(t *testing.T) {
	site := smallSite()
	host := &dsltest.Host{Site: site}
	err := play(t, host, `
def mark(site):
    site.management.annotate("Thing", "a", {"seen": "yes"})

def unmark(before):
    return lambda site: site.management.annotate("Thing", "a", {"seen": before})

runbook(name = "x", run = lambda ctx, p: ctx.step("mark", mark, undo = unmark(None)))
`)
	if err != nil {
		t.Fatal(err)
	}
	seen := func() any { return site.Clusters[""].Find("Thing", "a")["metadata"].(map[string]any)["annotations"] }
	if diff := cmp.Diff(seen(), any(map[string]any{"seen": "yes"})); diff != "" {
		t.Fatalf("(-got +want):\n%s", diff)
	}
	host.Undo(t)
	if diff := cmp.Diff(seen(), any(map[string]any{})); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}

func TestEachStepHasStepsOfItsOwn(t *testing.T) {
	err := play(t, &dsltest.Host{Site: smallSite()}, `
def busy(site):
    for i in range(8000000):
        pass

def run(ctx, p):
    for n in ["a", "b", "c", "d", "e", "f"]:
        ctx.step(n, busy, risk = "read")

runbook(name = "x", run = run)
`)
	if err != nil {
		t.Error(err)
	}
}

func TestBuiltinsAreSorted(t *testing.T) {
	all := dsl.Builtins()
	for i := 1; i < len(all); i++ {
		if all[i-1].Name >= all[i].Name {
			t.Errorf("%s stands before %s", all[i-1].Name, all[i].Name)
		}
	}
	for _, b := range all {
		if b.Doc == "" || strings.HasSuffix(b.Doc, ".") {
			t.Errorf("%s: got doc %q, want a phrase", b.Name, b.Doc)
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	loader, file := inMemory(t, "hoard.star", `
def hoard():
    kept = []
    for i in range(1000000):
        kept.append("x" * 10000 + str(i))

hoard()
`)
	all := diag.All(loader.Check(file))
	if len(all) != 1 || all[0].Code != "memory-limit" {
		t.Errorf("got %v, want it stopped", all)
	}
}
