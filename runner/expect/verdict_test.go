package expect_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/runner/expect"
	"github.com/rehearse-dev/rehearse/runner/journal"
	"github.com/rehearse-dev/rehearse/runner/journal/journaltest"
)

type story = journaltest.Story

func told(t *testing.T, parts ...story) *journal.Run {
	t.Helper()
	s := story{journal.RunStarted{SchemaVersion: 1, RunID: "run"}}
	for _, p := range parts {
		s = append(s, p...)
	}
	r, err := journal.Read(bytes.NewReader(s.Write(t)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func step(id string, e journal.StepEnded, inside ...any) story {
	return begun(journal.StepKindStep, id, e, inside...)
}

func begun(kind journal.StepKind, id string, e journal.StepEnded, inside ...any) story {
	e.ID, e.Kind = id, kind
	if e.Outcome == "" {
		e.Outcome = journal.Done
	}
	return append(append(story{journal.StepStarted{ID: id, Kind: kind}}, inside...), e)
}

func write(key string, o journal.WriteOutcome) []any {
	o.Key = key
	return []any{journal.WriteIntent{Key: key, Verb: "patch", Object: journal.ObjectRef{Kind: "KubeadmControlPlane", Name: "a"}}, o}
}

var (
	preflight = step("preflight", journal.StepEnded{})
	edit      = step("control-plane", journal.StepEnded{}, write("control-plane/1", journal.WriteOutcome{OK: true, Changed: true})...)
	rolled    = begun(journal.StepKindWait, "rolled", journal.StepEnded{SiteSeconds: 600}, journal.WaitPending{ID: "rolled", Text: "0 of 3"}, 10*time.Minute)
	completed = story{journal.RunEnded{Verdict: journal.Pass, Completed: true, SiteSeconds: 600, Writes: 1}}
	fired     = story{journal.FaultArmed{ID: "etcd-quorum-loss"}, journal.FaultFired{ID: "etcd-quorum-loss", Target: "cp-1"}}
	violated  = story{journal.InvariantViolated{ID: "etcd-quorum", Message: "1 of 3 voters"}}
	judged    = story{journal.InvariantJudged{ID: "etcd-quorum", Verdict: journal.Fail, Message: "1 of 3 voters"}}
	held      = story{journal.InvariantJudged{ID: "etcd-quorum", Verdict: journal.Pass, Observations: 3}}
)

// stuck is a wait that said that it was stuck, moved again if the story goes on, and ended as e says.
func stuck(e journal.StepEnded, after ...any) story {
	inside := append([]any{journal.WaitPending{ID: "rolled", Text: "1 of 3: etcd has no leader"}, 25 * time.Minute,
		journal.WaitStuck{ID: "rolled", Text: "1 of 3: etcd has no leader", Since: 1500}}, after...)
	return begun(journal.StepKindWait, "rolled", e, inside...)
}

func ends(verdict journal.Verdict, code int, message string, site float64) story {
	return story{journal.RunEnded{Verdict: verdict, ExitCode: code, Message: message, SiteSeconds: site}}
}

func writes(n int) *int { return &n }

var (
	passed      = []story{preflight, edit, rolled, completed}
	blocked     = []story{step("preflight", journal.StepEnded{Outcome: journal.Blocked, Code: "template-missing", Message: "no template x"}), ends(journal.Fail, 5, "preflight: no template x", 0)}
	timedOut    = journal.StepEnded{Outcome: journal.Failed, Code: "not-rolled", Message: "stuck: no change for 55m: 1 of 3: etcd has no leader", Expired: true, SiteSeconds: 3300}
	stayedStuck = []story{preflight, edit, fired, stuck(timedOut), ends(journal.Fail, 1, "rolled: stuck", 3300)}
	recovered   = []story{preflight, edit, fired, stuck(journal.StepEnded{}, journal.WaitPending{ID: "rolled", Text: "2 of 3"}), completed}
	broke       = []story{preflight, edit, stuck(journal.StepEnded{Outcome: journal.Failed, Code: "machine-failed", Message: "Machine a: Failed"}), ends(journal.Fail, 1, "rolled: Machine a: Failed", 1500)}
	siteSaidNo  = []story{preflight, step("control-plane", journal.StepEnded{Outcome: journal.Failed, Code: "site-refused", Message: "patch: denied"},
		write("control-plane/1", journal.WriteOutcome{Error: "admission webhook denied the request"})...), ends(journal.Fail, 1, "control-plane: patch: denied", 1)}
	lostReply = []story{preflight, step("control-plane", journal.StepEnded{Outcome: journal.Failed, Message: "patch: EOF"},
		write("control-plane/1", journal.WriteOutcome{Error: "EOF", Unknown: true})...), ends(journal.Fail, 1, "control-plane: patch: EOF", 1)}
)

func rolledBack(outcome journal.Outcome, l []story) []story {
	undo := begun(journal.StepKindUndo, "undo-control-plane", journal.StepEnded{}, write("undo-control-plane/1", journal.WriteOutcome{OK: true, Changed: true})...)
	end := l[len(l)-1]
	return append(slices.Clone(l[:len(l)-1]), story{journal.RollbackStarted{Reason: "it failed"}}, undo, story{journal.RollbackEnded{Outcome: outcome, Message: "no quorum"}}, end)
}

// TestExpectations has for each claim a run that it accepts and one that it refuses, with the words of the refusal.
func TestExpectations(t *testing.T) {
	for _, c := range []struct {
		name    string
		e       dsl.Expectation
		accepts []story
		refuses []story
		because string
	}{
		{"completes", dsl.Expectation{Kind: dsl.Completes}, passed, blocked, "got blocked at preflight with code template-missing (no template x), want it to complete"},
		{"completes, with nothing violated", dsl.Expectation{Kind: dsl.Completes}, append([]story{held}, passed...),
			[]story{preflight, violated, judged, {journal.RunEnded{Verdict: journal.Fail, ExitCode: 1, Completed: true, Message: "etcd-quorum: 1 of 3 voters"}}}, "etcd-quorum violated: 1 of 3 voters, want it to hold"},
		{"completes, with a clock that waited long enough", dsl.Expectation{Kind: dsl.Completes}, append([]story{{journal.Clock{Jumps: 9}}}, passed...), blocked, "want it to complete"},
		{"blocked", dsl.Expectation{Kind: dsl.IsBlocked, Step: "preflight", Code: "template-missing", Because: "no Template"}, blocked, passed, "got a run that completed, want it blocked at preflight with code template-missing"},
		{"blocked elsewhere", dsl.Expectation{Kind: dsl.IsBlocked, Step: "preflight"}, blocked,
			[]story{preflight, step("templates", journal.StepEnded{Outcome: journal.Blocked}), ends(journal.Fail, 5, "", 0)}, "got blocked at templates"},
		{"blocked with another code", dsl.Expectation{Kind: dsl.IsBlocked, Code: "template-missing"}, blocked,
			[]story{step("preflight", journal.StepEnded{Outcome: journal.Blocked, Code: "unhealthy"}), ends(journal.Fail, 5, "", 0)}, "want code template-missing"},
		{"blocked for another reason", dsl.Expectation{Kind: dsl.IsBlocked, Because: "template"}, blocked,
			[]story{step("preflight", journal.StepEnded{Outcome: journal.Blocked, Code: "unhealthy"}), ends(journal.Fail, 5, "", 0)}, `want a reason with "template"`},
		{"stuck", dsl.Expectation{Kind: dsl.Stuck, Step: "rolled", Code: "not-rolled", Because: "etcd"}, stayedStuck, recovered, "got a run that completed, want it stuck at rolled"},
		{"stuck, not broken", dsl.Expectation{Kind: dsl.Stuck, Step: "rolled"}, stayedStuck, broke, "got failed at rolled with code machine-failed"},
		{"fails", dsl.Expectation{Kind: dsl.Fails, Step: "rolled", Code: "machine-failed"}, broke, blocked, "want it to fail at rolled"},
		{"fails of an invariant", dsl.Expectation{Kind: dsl.Fails, Because: "voters", Invariants: map[string]bool{"etcd-quorum": false}},
			[]story{preflight, violated, judged, ends(journal.Fail, 1, "etcd-quorum: 1 of 3 voters", 1)}, broke, "the run did not watch etcd-quorum"},
		{"refused", dsl.Expectation{Kind: dsl.Refused, Step: "control-plane", Because: "webhook"}, siteSaidNo, lostReply, "want it refused by the site"},
		{"writes", dsl.Expectation{Kind: dsl.Completes, Writes: writes(1)}, passed, []story{preflight, completed}, "got 0 writes, want 1"},
		{"writes of a rollback do not count", dsl.Expectation{Kind: dsl.Stuck, Writes: writes(1), Rollback: "done"}, rolledBack(journal.Done, stayedStuck), rolledBack(journal.Done, siteSaidNo), "got 0 writes"},
		{"rollback", dsl.Expectation{Kind: dsl.Stuck, Rollback: "refused"}, rolledBack(journal.Blocked, stayedStuck), rolledBack(journal.Failed, stayedStuck), "got a rollback that is failed (no quorum), want it refused"},
		{"a rollback that did something", dsl.Expectation{Kind: dsl.Stuck, Rollback: "done"}, rolledBack(journal.Done, stayedStuck), rolledBack(journal.Noop, stayedStuck), "got a rollback that is noop (no quorum), want it done"},
		{"a rollback that had nothing to do", dsl.Expectation{Kind: dsl.Stuck, Rollback: "noop"}, rolledBack(journal.Noop, stayedStuck), rolledBack(journal.Done, stayedStuck), "got a rollback that is done (no quorum), want it noop"},
		{"within", dsl.Expectation{Kind: dsl.Completes, Within: 10 * time.Minute}, passed, append(slices.Clone(passed[:3]), story{journal.RunEnded{Verdict: journal.Pass, Completed: true, SiteSeconds: 601}}), "got the end after 601 s of site time, want it within 10m0s"},
		{"within, until it is stuck", dsl.Expectation{Kind: dsl.Stuck, Within: 25 * time.Minute}, stayedStuck,
			[]story{preflight, {10 * time.Minute}, stuck(timedOut), ends(journal.Fail, 1, "rolled: stuck", 3300)}, "got rolled being stuck after 2100 s"},
		{"an invariant holds", dsl.Expectation{Kind: dsl.Completes, Invariants: map[string]bool{"etcd-quorum": true}}, append([]story{held}, passed...), passed, "the run did not watch etcd-quorum"},
		{"an invariant is violated", dsl.Expectation{Kind: dsl.Completes, Invariants: map[string]bool{"etcd-quorum": false}},
			append([]story{violated, judged}, passed...), append([]story{held}, passed...), "got no violation of etcd-quorum, want one"},
		{"a step never begins", dsl.Expectation{Kind: dsl.Completes, Never: []string{"workers"}}, passed, append([]story{step("workers", journal.StepEnded{})}, passed...), "got step workers at 0 s, want it never"},
		{"words are never said", dsl.Expectation{Kind: dsl.Completes, Never: []string{"no Leader"}}, passed, recovered, `got "1 of 3: etcd has no leader" at 0 s, want it never`},
		{"order", dsl.Expectation{Kind: dsl.Completes, Order: []string{"preflight", "control-plane", "rolled"}}, passed, []story{edit, preflight, rolled, completed}, "got control-plane before preflight"},
		{"order of a fault", dsl.Expectation{Kind: dsl.Completes, Order: []string{"control-plane", "fault:etcd-quorum-loss", "rolled"}},
			recovered, []story{fired, preflight, edit, rolled, completed}, "got fault:etcd-quorum-loss before control-plane"},
		{"order of what never was", dsl.Expectation{Kind: dsl.Completes, Order: []string{"preflight", "rolled"}}, passed, []story{preflight, completed}, "rolled never happened"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if v, problems := expect.Verdict(c.e, told(t, c.accepts...)); v != journal.Pass {
				t.Errorf("accepts: got %s: %s", v, problems)
			}
			v, problems := expect.Verdict(c.e, told(t, c.refuses...))
			if v != journal.Fail || !strings.Contains(strings.Join(problems, "\n"), c.because) {
				t.Errorf("refuses: got %s: %q, want fail: %s", v, problems, c.because)
			}
		})
	}
}

// A run that proves nothing is an Error, whatever was expected of it.
func TestWhatProvesNothingIsAnError(t *testing.T) {
	unfired := story{journal.FaultArmed{ID: "etcd-quorum-loss"}}
	for _, c := range []struct {
		name string
		e    dsl.Expectation
		run  []story
		why  string
	}{
		{"cut off", dsl.Expectation{Kind: dsl.Completes}, []story{preflight}, "the run was cut off"},
		{"broken", dsl.Expectation{Kind: dsl.Fails}, []story{preflight, ends(journal.Error, 3, "etcd died", 1)}, "etcd died"},
		{"stopped", dsl.Expectation{Kind: dsl.Fails}, []story{preflight, ends(journal.Fail, 4, "stopped by the user", 1)}, "stopped by the user"},
		{"armed, not triggered", dsl.Expectation{Kind: dsl.IsBlocked}, append([]story{unfired}, blocked...), "armed, not triggered: etcd-quorum-loss"},
		{"too early", dsl.Expectation{Kind: dsl.Completes}, []story{preflight, edit, rolled, {journal.Clock{Jumps: 9, Late: 2}}, completed}, "site time jumped too early 2 times"},
		{"a claim that nobody saw", dsl.Expectation{Kind: dsl.IsBlocked, Invariants: map[string]bool{"etcd-quorum": true}},
			append([]story{{journal.InvariantJudged{ID: "etcd-quorum", Verdict: journal.Error}}}, blocked...), "nothing was observed of etcd-quorum"},
		{"no rollback was tried", dsl.Expectation{Kind: dsl.Stuck, Rollback: "refused"}, stayedStuck, "no rollback was tried"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, problems := expect.Verdict(c.e, told(t, c.run...))
			if v != journal.Error || len(problems) == 0 || !strings.Contains(problems[0], c.why) {
				t.Errorf("got %s: %q, want error: %s", v, problems, c.why)
			}
		})
	}
	if v, _ := expect.Verdict(dsl.Expectation{Kind: dsl.Completes}, nil); v != journal.Error {
		t.Errorf("no journal: got %s, want error", v)
	}
}

// A step is to blame when the run was to end elsewhere or otherwise, and not when only something else is wrong.
func TestTheStepThatIsToBlame(t *testing.T) {
	for _, c := range []struct {
		name string
		e    dsl.Expectation
		run  []story
		want string
	}{
		{"as expected", dsl.Expectation{Kind: dsl.IsBlocked, Step: "preflight"}, blocked, ""},
		{"it was to complete", dsl.Expectation{Kind: dsl.Completes}, blocked, "preflight"},
		{"another code", dsl.Expectation{Kind: dsl.IsBlocked, Code: "unhealthy"}, blocked, "preflight"},
		{"before its rollback", dsl.Expectation{Kind: dsl.Completes}, rolledBack(journal.Done, broke), "rolled"},
		{"it was to be blocked", dsl.Expectation{Kind: dsl.IsBlocked}, passed, ""},
		{"too many writes", dsl.Expectation{Kind: dsl.Stuck, Writes: writes(0)}, stayedStuck, ""},
		{"a fault that never fired", dsl.Expectation{Kind: dsl.Completes}, append([]story{{journal.FaultArmed{ID: "drain-blocked"}}}, blocked...), ""},
		{"cut off in a step", dsl.Expectation{Kind: dsl.Completes}, []story{preflight, {journal.StepStarted{ID: "b", Kind: journal.StepKindStep}}}, "b"},
		{"cut off between steps", dsl.Expectation{Kind: dsl.Completes}, []story{preflight}, ""},
	} {
		if got := expect.Blamed(c.e, told(t, c.run...)); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
	if got := expect.Blamed(dsl.Expectation{}, nil); got != "" {
		t.Errorf("not begun: got %q, want none", got)
	}
}
