package runner_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/runner"
	"github.com/rehearse-dev/rehearse/runner/journal"
)

// backAndForth is a runbook of two writes with waits; its parameter stands for what goes wrong.
const backAndForth = `
def set(site, key, value):
    site.management.patch("ConfigMap", "a", namespace = "ns", merge = {"data": {key: value}})

def get(site, key):
    return site.management.get("ConfigMap", "a", namespace = "ns")["data"].get(key)

def restore_first(site):
    require(%s, "etcd has no quorum", code = "etcd-quorum-lost", fix = "restore it")
    if get(site, "first") != None:
        set(site, "first", None)

def restored(site):
    return done() if get(site, "first") == None else pending("not yet")

def run(ctx, p):
    ctx.step("look", lambda site: site.management.get("ConfigMap", "a", namespace = "ns")["data"], risk = "read")
    ctx.step("first", set, "first", "1", undo = rollback(restore_first, wait = restored, timeout = "1h"))
    ctx.wait("first-there", lambda site: done(get(site, "first")), timeout = "1h")
    ctx.step("second", set, "second", "2", undo = rollback(lambda site: set(site, "second", None), after = "first"))
    ctx.step("third", set, "third", "3", undo = %s)
    ctx.step("verify", lambda site: require(%s, "it is not so", code = "not-verified"), risk = "read")
`

const keep = `"keep"`

func (r *rig) back(t *testing.T, args ...any) runner.Result {
	t.Helper()
	return r.run(t, script(t, fmt.Sprintf(backAndForth, args...)))
}

func rolled(t *testing.T, r runner.Result, want string) {
	t.Helper()
	b := r.Run.Rollback
	if b == nil || b.End == nil {
		t.Fatalf("got rollback %+v, want %s", b, want)
	}
	got := strings.Join(strings.Fields(fmt.Sprint(b.End.Outcome, " ", b.End.Code, " ", b.End.Message)), " ")
	if got != want {
		t.Errorf("got rollback %q, want %q", got, want)
	}
}

func (f *fakeAPI) data(t *testing.T) string {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	return fmt.Sprint(f.objects["/api/v1/namespaces/ns/configmaps/a"]["data"])
}

func TestARunTurnsBackWhereItIsAskedTo(t *testing.T) {
	api, r := withConfigMap(t)
	before := api.data(t)
	r.options.RollbackAt = "third"
	got := r.back(t, "True", keep, "True")
	expect(t, got, journal.Pass, runner.ExitPass, "look done", "first done", "first-there done", "second done",
		"third done", "undo/first done", "undone/first done", "undo/second done")
	rolled(t, got, "done")
	if got.Run.Rollback.Reason != "as asked for, after third" || got.Run.Rollback.Before != 5 {
		t.Errorf("got %+v", got.Run.Rollback)
	}
	if kind := got.Run.Steps[5].Kind; kind != journal.StepKindUndo || len(got.Run.Steps[5].Writes) != 1 {
		t.Errorf("got an undo of kind %s with writes %v, want one of kind undo with one", kind, got.Run.Steps[5].Writes)
	}
	if after := strings.Replace(api.data(t), " third:3", "", 1); after != before {
		t.Errorf("got %s at the end, want %s and what was kept", api.data(t), before)
	}
}

func TestARunTurnsBackAfterAWaitToo(t *testing.T) {
	_, r := withConfigMap(t)
	r.options.RollbackAt = "first-there"
	expect(t, r.back(t, "True", keep, "True"), journal.Pass, runner.ExitPass, "look done", "first done",
		"first-there done", "undo/first done", "undone/first done")
}

func TestARunThatFailsIsRolledBackAndStaysFailed(t *testing.T) {
	_, r := withConfigMap(t)
	r.options.RollbackOnFailure = true
	got := r.back(t, "True", keep, "False")
	expect(t, got, journal.Fail, runner.ExitFail, "look done", "first done", "first-there done", "second done",
		"third done", "verify failed not-verified", "undo/first done", "undone/first done", "undo/second done")
	rolled(t, got, "done")
	if got.Message != "verify: it is not so; rolled back" || got.Run.Rollback.Reason != "verify: it is not so" {
		t.Errorf("got %q, because %q", got.Message, got.Run.Rollback.Reason)
	}
}

func TestARollbackIsRefusedBeforeItWrites(t *testing.T) {
	_, r := withConfigMap(t)
	r.options.RollbackOnFailure = true
	got := r.back(t, "False", keep, "False")
	expect(t, got, journal.Fail, runner.ExitFail, "look done", "first done", "first-there done", "second done",
		"third done", "verify failed not-verified", "undo/first blocked etcd-quorum-lost")
	rolled(t, got, "blocked etcd-quorum-lost undo/first: etcd has no quorum")
	if fix := got.Run.Steps[6].End.Fix; fix != "restore it" {
		t.Errorf("got fix %q", fix)
	}
}

func TestARollbackStopsAtAStepThatHasNoWayBack(t *testing.T) {
	api, r := withConfigMap(t)
	r.options.RollbackAt = "verify"
	got := r.back(t, "True", `one_way("the format of the data changes")`, "True")
	expect(t, got, journal.Fail, runner.ExitFail, "look done", "first done", "first-there done", "second done",
		"third done", "verify done")
	rolled(t, got, "blocked one-way step third cannot be undone: the format of the data changes")
	contains(t, "what is there", api.data(t), "first:1")
}

func TestAOneWayStepThatWroteNothingIsNoObstacle(t *testing.T) {
	_, r := withConfigMap(t)
	r.options.RollbackAt = "verify"
	got := r.run(t, script(t, `
def run(ctx, p):
    ctx.step("third", lambda site: None, undo = one_way("the format of the data changes"))
    ctx.step("a", lambda site: site.management.label("ConfigMap", "a", {"x": "y"}, namespace = "ns"), undo = lambda site: None)
    ctx.step("verify", lambda site: None, risk = "read")
`))
	expect(t, got, journal.Pass, runner.ExitPass, "third noop", "a done", "verify done", "undo/a noop")
	rolled(t, got, "noop there was nothing to take back")
}

func TestARollbackThatFailsInTheMiddleGoesNoFurther(t *testing.T) {
	api, r := withConfigMap(t)
	r.options.RollbackAt = "third"
	undone := false
	r.journal.OnEvent(func(e journal.Event) {
		if b, _ := e.Decode(); e.Kind == journal.KindStepEnded && b.(*journal.StepEnded).ID == "undone/first" {
			undone = true
		}
	})
	api.fail = func(method, path string) int {
		if undone && method == "PATCH" {
			return 403
		}
		return 0
	}
	got := r.back(t, "True", keep, "True")
	if got.Verdict != journal.Fail || got.ExitCode != runner.ExitFail {
		t.Errorf("got %s, exit %d", got.Verdict, got.ExitCode)
	}
	contains(t, "message", got.Message, "rollback failed: undo/second: ")
	if o := got.Run.Rollback.End.Outcome; o != journal.Failed {
		t.Errorf("got rollback %s, want it failed", o)
	}
}

func TestNothingWrittenIsNothingToRollBack(t *testing.T) {
	r := newRig(t, newSite(t, newFakeAPI(t).config()))
	r.options.RollbackOnFailure = true
	got := r.run(t, steps(action{read("preflight"), refuse5}))
	expect(t, got, journal.Fail, runner.ExitBlocked, "preflight blocked vsphere-template-missing")
	rolled(t, got, "noop nothing was written")
}

func TestAStepToTurnBackAtThatNeverComesIsAnError(t *testing.T) {
	_, r := withConfigMap(t)
	r.options.RollbackAt = "forth"
	got := r.back(t, "True", keep, "True")
	if got.Verdict != journal.Error || got.Run.Rollback != nil {
		t.Errorf("got %s and %+v, want an error and no rollback", got.Verdict, got.Run.Rollback)
	}
	contains(t, "message", got.Message, "asked to roll back after forth")
}

func TestAUserWhoStopsTheRunWantsNoRollback(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	_, r := withConfigMap(t)
	r.options.RollbackOnFailure = true
	got := r.runContext(t, ctx, func(ctx context.Context, h dsl.Host) error {
		s := writing("a")
		s.Undo = dsl.Undo{Run: func(context.Context, dsl.Site) error { t.Error("it was undone"); return nil }}
		_, err := h.Step(ctx, s, func(ctx context.Context, s dsl.Site) (dsl.Result, error) {
			r, err := patchData("new")(ctx, s)
			stop()
			return r, err
		})
		if err == nil {
			_, err = h.Step(ctx, read("b"), nothing)
		}
		return err
	})
	if got.ExitCode != runner.ExitStopped || got.Run.Rollback != nil {
		t.Errorf("got exit %d and %+v", got.ExitCode, got.Run.Rollback)
	}
}

// The last step of the journal is then one of the way forward, which has nothing to do with it.
func TestARollbackThatEndsBeforeItsFirstUndoBlamesNoStep(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	_, r := withConfigMap(t)
	r.options.RollbackOnFailure = true
	r.journal.OnEvent(func(e journal.Event) {
		if e.Kind == journal.KindRollbackStarted {
			stop()
		}
	})
	got := r.runContext(t, ctx, script(t, fmt.Sprintf(backAndForth, "True", keep, "False")))
	rolled(t, got, "failed context canceled")
	if n := len(got.Run.Steps); n != got.Run.Rollback.Before {
		t.Errorf("got %d steps, %d of them before the rollback", n, got.Run.Rollback.Before)
	}
}

func TestARunThatWasRolledBackIsNotResumed(t *testing.T) {
	_, first := withConfigMap(t)
	first.options.RollbackAt = "third"
	first.back(t, "True", keep, "True")
	previous, err := journal.ReadFile(first.journal.Path())
	if err != nil {
		t.Fatal(err)
	}
	_, second := withConfigMap(t)
	second.options.Previous = previous
	second.options.Script = steps()
	if _, err := runner.Run(t.Context(), second.options); err == nil || !strings.Contains(err.Error(), "was rolled back") {
		t.Errorf("got %v", err)
	}
}

func TestAResumedRunUndoesWhatTheRunBeforeDid(t *testing.T) {
	api, first := withConfigMap(t)
	expect(t, first.back(t, "True", keep, "False"), journal.Fail, runner.ExitFail, "look done", "first done",
		"first-there done", "second done", "third done", "verify failed not-verified")
	previous, err := journal.ReadFile(first.journal.Path())
	if err != nil {
		t.Fatal(err)
	}
	second := newRig(t, newSite(t, api.config()))
	second.options.Previous, second.options.RollbackAt = previous, "third"
	got := second.back(t, "True", keep, "False")
	expect(t, got, journal.Pass, runner.ExitPass, "look done", "first done", "first-there done", "second done",
		"third done", "undo/first done", "undone/first done", "undo/second done")
	if strings.Contains(api.data(t), "first") {
		t.Errorf("got %s, want the first undone", api.data(t))
	}
}
