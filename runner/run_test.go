package runner_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/runner"
	"github.com/rehearse-dev/rehearse/runner/journal"
)

func TestARunThatReachesItsEndPasses(t *testing.T) {
	r := newRig(t, newSite(t, newFakeAPI(t).config()))
	got := r.run(t, func(ctx context.Context, h dsl.Host) error {
		h.Note(ctx, "hello")
		return steps(action{read("preflight"), nothing}, action{writing("create"), create("ConfigMap", "a")},
			action{writing("create-again"), create("ConfigMap", "a")})(ctx, h)
	})
	expect(t, got, journal.Pass, runner.ExitPass, "preflight done", "create done", "create-again noop")
	if got.Run.Ended.Writes != 1 || len(got.Run.Writes) != 2 {
		t.Errorf("got %d of %d writes that changed something, want 1 of 2", got.Run.Ended.Writes, len(got.Run.Writes))
	}
}

func TestOutcomes(t *testing.T) {
	tests := []struct {
		name   string
		script func(context.Context, dsl.Host) error
		code   int
		steps  []string
	}{
		{"a refusal before any write blocks", steps(action{read("preflight"), refuse5}), runner.ExitBlocked,
			[]string{"preflight blocked vsphere-template-missing"}},
		{"a refusal in a write step that wrote nothing blocks", steps(action{writing("a"), refuse5}), runner.ExitBlocked,
			[]string{"a blocked vsphere-template-missing"}},
		{"a refusal after a write fails",
			steps(action{writing("a"), create("ConfigMap", "a")}, action{read("b"), refuse5}), runner.ExitFail,
			[]string{"a done", "b failed vsphere-template-missing"}},
		{"an error of the script fails", steps(action{read("a"),
			func(context.Context, dsl.Site) (dsl.Result, error) { return dsl.Result{}, errScript }}), runner.ExitFail,
			[]string{"a failed"}},
		{"an error outside of all steps fails", func(context.Context, dsl.Host) error { return errScript },
			runner.ExitFail, nil},
		{"a step that says so is a noop", steps(action{read("a"), func(context.Context, dsl.Site) (dsl.Result, error) {
			return dsl.Result{Noop: true}, nil
		}}), runner.ExitPass, []string{"a noop"}},
		{"a write step that writes nothing is a noop", steps(action{writing("a"), nothing}), runner.ExitPass,
			[]string{"a noop"}},
		{"a write in a step that reads fails before it is sent", steps(action{read("a"), create("ConfigMap", "a")}),
			runner.ExitFail, []string{"a failed"}},
		{"an id that two steps have fails", steps(action{read("a"), nothing}, action{read("a"), nothing}),
			runner.ExitFail, []string{"a done"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := newRig(t, newSite(t, newFakeAPI(t).config())).run(t, tt.script)
			verdict := journal.Fail
			if tt.code == runner.ExitPass {
				verdict = journal.Pass
			}
			expect(t, got, verdict, tt.code, tt.steps...)
		})
	}
}

func TestTheUserStopsARun(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	r := newRig(t, newSite(t, newFakeAPI(t).config()))
	r.options.Arm = func(context.Context, func(time.Duration) error) error {
		return r.journal.Append(journal.FaultArmed{ID: "drain-blocked"})
	}
	got := r.runContext(t, ctx, func(ctx context.Context, h dsl.Host) error {
		_, err := h.Wait(ctx, dsl.Wait{ID: "rolled", Timeout: time.Hour}, func(context.Context, dsl.Site) (dsl.Poll, error) {
			stop()
			return dsl.Poll{State: dsl.Pending, Text: "0 of 3"}, nil
		})
		return err
	})
	expect(t, got, journal.Fail, runner.ExitStopped, "rolled failed stopped")
}

func TestATestbedThatBreaksIsAnError(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	r := newRig(t, newSite(t, newFakeAPI(t).config()))
	got := r.runContext(t, ctx, func(ctx context.Context, h dsl.Host) error {
		cancel(&runner.TestbedError{Err: errors.New("kube-apiserver exited")})
		return steps(action{read("a"), nothing})(ctx, h)
	})
	expect(t, got, journal.Error, runner.ExitError)
	contains(t, "message", got.Message, "testbed: kube-apiserver exited")
}

func TestAPanicIsAnError(t *testing.T) {
	r := newRig(t, newSite(t, newFakeAPI(t).config()))
	got := r.run(t, steps(action{read("a"), func(context.Context, dsl.Site) (dsl.Result, error) { panic("ouch") }}))
	expect(t, got, journal.Error, runner.ExitError, "a failed internal-error")
	contains(t, "message", got.Message, "panic: ouch")
}

func TestAPanicOutsideOfAllStepsIsAnErrorToo(t *testing.T) {
	r := newRig(t, newSite(t, newFakeAPI(t).config()))
	got := r.run(t, func(context.Context, dsl.Host) error { panic("ouch") })
	expect(t, got, journal.Error, runner.ExitError)
}

func TestASiteThatIsNotThereIsAnError(t *testing.T) {
	api := newFakeAPI(t)
	api.Close()
	got := newRig(t, newSite(t, api.config())).run(t, steps(action{read("a"), nothing}))
	expect(t, got, journal.Error, runner.ExitError)
}

// The faults are armed on a site that is well; one that is not proves nothing about the runbook.
func TestASiteThatCannotBeArmedIsAnErrorAndNoStepBegins(t *testing.T) {
	r := newRig(t, newSite(t, newFakeAPI(t).config()))
	r.options.Arm = func(context.Context, func(time.Duration) error) error { return errors.New("the world is not well") }
	got := r.run(t, func(context.Context, dsl.Host) error {
		t.Error("the runbook ran")
		return nil
	})
	expect(t, got, journal.Error, runner.ExitError)
	contains(t, "message", got.Message, "arm the faults: the world is not well")
}

func TestAFaultThatNeverFiresIsAnError(t *testing.T) {
	r := newRig(t, newSite(t, newFakeAPI(t).config()))
	r.options.Arm = func(context.Context, func(time.Duration) error) error {
		return errors.Join(r.journal.Append(journal.FaultArmed{ID: "drain-blocked"}),
			r.journal.Append(journal.FaultArmed{ID: "etcd-quorum-loss"}))
	}
	r.journal.OnEvent(func(e journal.Event) { // a fault that fires at a step
		if b, _ := e.Decode(); e.Kind == journal.KindStepStarted && b.(*journal.StepStarted).ID == "b" {
			if err := r.journal.Append(journal.FaultFired{ID: "drain-blocked", Target: "default/web"}); err != nil {
				t.Error(err)
			}
		}
	})
	fired := 0
	got := r.run(t, steps(action{read("a"), nothing}, action{read("b"), func(context.Context, dsl.Site) (dsl.Result,
		error) {
		fired = r.count(t, journal.KindFaultFired)
		return dsl.Result{}, nil
	}}))
	expect(t, got, journal.Error, runner.ExitError, "a done", "b done")
	contains(t, "message", got.Message, "armed, not triggered: etcd-quorum-loss")
	if fired != 1 {
		t.Errorf("got %d faults fired when the body of the step ran, want 1", fired)
	}
}

func TestAnInvariantThatDoesNotHoldFailsARunThatEndsWell(t *testing.T) {
	api := newFakeAPI(t)
	api.put("cluster.x-k8s.io/v1beta1", "machines", controlPlaneMachine("cp-1", nil))
	api.put("cluster.x-k8s.io/v1beta1", "machines", controlPlaneMachine("cp-2", nil))
	r := newRig(t, newSite(t, api.config()), "one-control-plane-machine-at-a-time", "workers-not-newer")
	got := r.run(t, steps(action{read("a"), func(context.Context, dsl.Site) (dsl.Result, error) {
		for _, name := range []string{"cp-1", "cp-2"} {
			api.put("cluster.x-k8s.io/v1beta1", "machines", controlPlaneMachine(name, "2026-11-21T02:00:00Z"))
		}
		return dsl.Result{}, nil
	}}, action{writing("b"), create("ConfigMap", "b")}))
	expect(t, got, journal.Fail, runner.ExitFail, "a done", "b done") // it goes on: the way back may be the better one
	contains(t, "message", got.Message, "got 2 machines being deleted, want one")
	verdicts := map[string]journal.Verdict{}
	for _, i := range got.Run.Invariants {
		verdicts[i.ID] = i.Judged.Verdict
	}
	if verdicts["one-control-plane-machine-at-a-time"] != journal.Fail || verdicts["workers-not-newer"] != journal.Error {
		t.Errorf("got verdicts %v", verdicts)
	}
}

func controlPlaneMachine(name string, deleted any) object {
	meta := object{"name": name, "labels": object{"cluster.x-k8s.io/cluster-name": "prod-a",
		"cluster.x-k8s.io/control-plane": ""}}
	if deleted != nil {
		meta["deletionTimestamp"] = deleted
	}
	return object{"apiVersion": "cluster.x-k8s.io/v1beta1", "kind": "Machine", "metadata": meta,
		"spec": object{"version": "v1.33.7"}, "status": object{"phase": "Running"}}
}

func TestAnUnknownInvariantIsRefusedBeforeAnythingIsWritten(t *testing.T) {
	r := newRig(t, newSite(t, newFakeAPI(t).config()), "etcd-quorumm")
	r.options.Script = steps()
	if _, err := runner.Run(t.Context(), r.options); err == nil || len(r.events(t)) > 0 {
		t.Errorf("got error %v and events %v, want an error and nothing written", err, r.events(t))
	}
}

func TestAStepMayTakeNoLongerThanItsTimeout(t *testing.T) {
	api := newFakeAPI(t)
	r := newRig(t, newSite(t, api.config()))
	api.fail = func(_, path string) int {
		if isConfigMap(path) {
			return 500
		}
		return 0
	}
	s := read("a")
	s.Timeout = 2 * time.Second // of the back-off between the attempts
	got := r.run(t, steps(action{s, func(ctx context.Context, s dsl.Site) (dsl.Result, error) {
		_, err := s.Cluster("").Get(ctx, dsl.Ref{Kind: "ConfigMap", Namespace: "ns", Name: "a"})
		return dsl.Result{}, err
	}}))
	expect(t, got, journal.Fail, runner.ExitBlocked, "a blocked timeout")
}

func TestGates(t *testing.T) {
	gate := func(ctx context.Context, h dsl.Host) error {
		return h.Gate(ctx, dsl.Gate{ID: "start", Question: "Replace 3 VMs?"})
	}
	s := newSite(t, newFakeAPI(t).config())
	expect(t, newRig(t, s).run(t, gate), journal.Pass, runner.ExitPass, "start done")
	s.answer = errors.New("not tonight")
	got := newRig(t, s).run(t, gate)
	expect(t, got, journal.Fail, runner.ExitBlocked, "start blocked gate-refused")
	contains(t, "message", got.Message, "start: not approved: not tonight")
}

func TestAManualStepIsVerified(t *testing.T) {
	s := newSite(t, newFakeAPI(t).config())
	polls := 0
	got := newRig(t, s).run(t, func(ctx context.Context, h dsl.Host) error {
		return h.Manual(ctx, dsl.Manual{ID: "upload", Instructions: "Upload the OVA."},
			func(context.Context, dsl.Site) (dsl.Poll, error) {
				if polls++; polls < 3 {
					return dsl.Poll{State: dsl.Pending, Text: fmt.Sprint(polls)}, nil
				}
				return dsl.Poll{State: dsl.Done}, nil
			})
	})
	expect(t, got, journal.Pass, runner.ExitPass, "upload done")
	if got := got.Run.Steps[0]; got.End.SiteSeconds != 30 || got.Pending != "2" {
		t.Errorf("got %+v", got)
	}
}

// A precondition may stand in run itself, between the steps: it is the same promise.
func TestARefusalOutsideOfAllStepsBlocks(t *testing.T) {
	r := newRig(t, newSite(t, newFakeAPI(t).config()))
	got := r.run(t, script(t, `
def run(ctx, p):
    require(False, "not on a Friday", code = "friday")
`))
	expect(t, got, journal.Fail, runner.ExitBlocked)
	contains(t, "message", got.Message, "not on a Friday")
}

// Nobody acts in a rehearsal, so a verification without a timeout of its own has to have one all the same.
func TestAManualStepWhoseVerificationNeverComesTrueEnds(t *testing.T) {
	r := newRig(t, newSite(t, newFakeAPI(t).config()))
	got := r.run(t, script(t, `
def run(ctx, p):
    ctx.manual("plug-it-in", "Plug it in.", verify = lambda site: pending("no light"))
`))
	expect(t, got, journal.Fail, runner.ExitBlocked, "plug-it-in blocked timeout")
	contains(t, "message", got.Message, "waited 24h: no light")
}
