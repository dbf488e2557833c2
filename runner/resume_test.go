package runner_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/runner"
	"github.com/rehearse-dev/rehearse/runner/journal"
)

// upgrade is a runbook in little: it counts what it really does.
func upgrade(done map[string]int, broken bool) func(context.Context, dsl.Host) error {
	return func(ctx context.Context, h dsl.Host) error {
		value, err := h.Step(ctx, read("preflight"), func(context.Context, dsl.Site) (dsl.Result, error) {
			done["preflight"]++
			return dsl.Result{Value: json.RawMessage(`{"z":1,"a":2}`)}, nil
		})
		if err != nil {
			return err
		}
		if string(value) != `{"z":1,"a":2}` {
			return fmt.Errorf("got %s from preflight", value)
		}
		if err := h.Gate(ctx, dsl.Gate{ID: "start"}); err != nil {
			return err
		}
		if _, err := h.Step(ctx, writing("patch"), func(ctx context.Context, s dsl.Site) (dsl.Result, error) {
			done["patch"]++
			return patchData("new")(ctx, s)
		}); err != nil {
			return err
		}
		_, err = h.Wait(ctx, dsl.Wait{ID: "rolled", Timeout: time.Minute}, func(context.Context, dsl.Site) (dsl.Poll, error) {
			done["rolled"]++
			if broken {
				return dsl.Poll{}, errScript
			}
			return finished, nil
		})
		if err != nil {
			return err
		}
		_, err = h.Step(ctx, read("verify"), refuse5)
		return err
	}
}

func TestAResumedRunDoesNotDoAgainWhatWasDone(t *testing.T) {
	_, first := withConfigMap(t)
	done := map[string]int{}
	got := first.run(t, upgrade(done, true))
	expect(t, got, journal.Fail, runner.ExitFail, "preflight done", "start done", "patch done", "rolled failed")
	previous, err := journal.ReadFile(first.journal.Path())
	if err != nil {
		t.Fatal(err)
	}
	second := newRig(t, first.site)
	second.options.Previous = previous
	second.options.Started.RunID = "run-2"
	got = second.run(t, upgrade(done, false))
	// The refusal at the end is no safe stop: the first run has written.
	expect(t, got, journal.Fail, runner.ExitFail,
		"preflight done", "start done", "patch done", "rolled done", "verify failed vsphere-template-missing")
	if fmt.Sprint(done) != "map[patch:1 preflight:1 rolled:2]" || len(first.asked) != 1 {
		t.Errorf("got %v and gates %v, want only the wait done twice", done, first.asked)
	}
	if !got.Run.Steps[2].End.Recorded || got.Run.Steps[3].End.Recorded || got.Run.Started.Resumes != "run-1" {
		t.Errorf("the journal does not say what was taken from the run before: %+v", got.Run.Steps[2].End)
	}
	// The third run only has the journal of the second.
	previous, err = journal.ReadFile(second.journal.Path())
	if err != nil {
		t.Fatal(err)
	}
	third := newRig(t, first.site)
	third.options.Previous = previous
	got = third.run(t, upgrade(done, false))
	expect(t, got, journal.Fail, runner.ExitFail,
		"preflight done", "start done", "patch done", "rolled done", "verify failed vsphere-template-missing")
	if fmt.Sprint(done) != "map[patch:1 preflight:1 rolled:2]" {
		t.Errorf("got %v after the third run", done)
	}
}

func TestARunbookThatIsAnotherOneIsNotResumed(t *testing.T) {
	_, first := withConfigMap(t)
	first.run(t, upgrade(map[string]int{}, true))
	previous, err := journal.ReadFile(first.journal.Path())
	if err != nil {
		t.Fatal(err)
	}
	second := newRig(t, first.site)
	second.options.Previous = previous
	got := second.run(t, steps(action{read("preflight"), nothing}, action{writing("templates"), create("ConfigMap", "x")}))
	expect(t, got, journal.Fail, runner.ExitFail, "preflight done")
	contains(t, "message", got.Message, `resume: got step "templates", want gate "start" as in run run-1`)
}

func TestAWriteThatWasCutOffIsDoneAgain(t *testing.T) {
	_, r := withConfigMap(t)
	cut := journal.NewRun()
	var n int64
	for _, b := range []journal.Body{journal.RunStarted{SchemaVersion: 1, RunID: "run-0"}, journal.StepStarted{ID: "a",
		Kind: "step"},
		journal.WriteIntent{Key: "a/1", Verb: "patch"}} {
		n++
		raw, _ := json.Marshal(b)
		if err := cut.Apply(journal.Event{Seq: n, Kind: b.EventKind(), Body: raw}); err != nil {
			t.Fatal(err)
		}
	}
	r.options.Previous = cut
	got := r.run(t, steps(action{writing("a"), patchData("new")}, action{read("b"),
		func(context.Context, dsl.Site) (dsl.Result, error) { return dsl.Result{}, errors.New("no") }}))
	expect(t, got, journal.Fail, runner.ExitFail, "a done", "b failed")
	if w := got.Run.Warnings; len(w) != 1 {
		t.Fatalf("got warnings %v, want one", w)
	}
	contains(t, "warning", got.Run.Warnings[0].Text, "write a/1 of the run that is resumed has no outcome")
}
