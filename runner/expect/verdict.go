package expect

import (
	"fmt"
	"strings"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/runner/journal"
)

// Verdict judges a run. Error is a run that proves nothing: one that was cut off or stopped, whose own machinery broke,
// in which a fault never fired, site time jumped too early or a claim was never seen. Fail is a run that ended in another
// way than was expected. The problems say why it is not a Pass; the first one stands alone. A nil run is one that could
// not begin.
func Verdict(e dsl.Expectation, r *journal.Run) (journal.Verdict, []string) {
	if why := unproven(e, r); why != "" {
		return journal.Error, []string{why}
	}
	if problems := Judge(e, r); len(problems) > 0 {
		return journal.Fail, problems
	}
	return journal.Pass, nil
}

const (
	exitStopped = 4
	exitBlocked = 5
)

// unproven says why the run cannot be judged, "" when it can.
func unproven(e dsl.Expectation, r *journal.Run) string {
	switch {
	case r == nil:
		return "the run could not begin"
	case r.Ended == nil:
		return fmt.Sprintf("the run was cut off %.0f s into it", r.Last.At)
	case r.Ended.Verdict == journal.Error:
		return r.Ended.Message
	case r.Ended.ExitCode == exitStopped:
		return "stopped by the user"
	}
	for _, f := range r.Faults {
		if f.Fired == nil {
			return "armed, not triggered: " + f.ID
		}
	}
	if r.Clock != nil && r.Clock.Late > 0 {
		return fmt.Sprintf("site time jumped too early %d times", r.Clock.Late)
	}
	if e.Rollback != "" && !r.Ended.Completed && r.Rollback == nil {
		return "no rollback was tried, and the scenario wants one that is " + e.Rollback
	}
	for _, i := range r.Invariants {
		if e.Invariants[i.ID] && i.Judged != nil && i.Judged.Verdict == journal.Error {
			return "nothing was observed of " + i.ID
		}
	}
	return ""
}

// Judge says in what a run that has ended by itself differs from what was expected; nil: in nothing.
func Judge(e dsl.Expectation, r *journal.Run) []string {
	j := newJudge(e, r)
	j.end()
	j.writes()
	j.within()
	j.rollback()
	j.invariants()
	j.never()
	j.order()
	return j.problems
}

// Blamed is the id of the step in which a run was cut off, or at which it ended in another way than was expected; "" when
// something else is wrong, or nothing. A nil run is one that could not begin.
func Blamed(e dsl.Expectation, r *journal.Run) string {
	switch {
	case r == nil:
		return ""
	case r.Ended == nil:
		if s := r.Current(); s != nil {
			return s.ID
		}
		return ""
	case unproven(e, r) != "":
		return ""
	}
	j := newJudge(e, r)
	if j.end(); len(j.problems) == 0 || j.stop == nil {
		return ""
	}
	return j.stop.ID
}

func newJudge(e dsl.Expectation, r *journal.Run) *judge {
	j := &judge{e: e, r: r, steps: r.Steps}
	if r.Rollback != nil {
		j.steps = r.Steps[:r.Rollback.Before]
	}
	if n := len(j.steps); n > 0 && j.steps[n-1].End != nil && !well(j.steps[n-1].End.Outcome) {
		j.stop = j.steps[n-1]
	}
	return j
}

// judge compares one run.
type judge struct {
	e        dsl.Expectation
	r        *journal.Run
	steps    []*journal.Step // those of a rollback left out
	stop     *journal.Step   // where the runbook stopped, nil when it stopped nowhere
	problems []string
}

func (j *judge) no(format string, args ...any) {
	j.problems = append(j.problems, fmt.Sprintf(format, args...))
}

func well(o journal.Outcome) bool { return o == journal.Done || o == journal.Noop }

// end compares how and where the run ended.
func (j *judge) end() {
	if !j.ended() {
		j.no("got %s, want it %s", j.story(), wanted(j.e))
		return
	}
	switch {
	case j.e.Step != "" && (j.stop == nil || j.stop.ID != j.e.Step):
		j.no("got %s, want it %s", j.story(), wanted(j.e))
		return
	case j.e.Code != "" && (j.stop == nil || j.stop.End.Code != j.e.Code):
		j.no("got %s, want code %s", j.story(), j.e.Code)
	}
	if j.e.Because != "" && !mentions(j.reasons(), j.e.Because) {
		j.no("got %s, want a reason with %q", j.story(), j.e.Because)
	}
}

// ended tells whether the run is of the kind that was expected.
func (j *judge) ended() bool {
	end := j.r.Ended
	switch j.e.Kind {
	case dsl.Completes:
		return end.Completed
	case dsl.IsBlocked:
		return !end.Completed && end.ExitCode == exitBlocked
	case dsl.Fails:
		return end.Verdict == journal.Fail && end.ExitCode != exitBlocked
	case dsl.Stuck:
		return j.stop != nil && j.stop.End.Expired
	case dsl.Refused:
		return j.stop != nil && j.refusal() != ""
	}
	return false
}

// refusal is what the site said to the last write of the step that the runbook stopped at, "" when it said yes.
func (j *judge) refusal() string {
	n := len(j.stop.Writes)
	if n == 0 {
		return ""
	}
	o := j.stop.Writes[n-1].Outcome
	if o == nil || o.OK || o.Unknown {
		return ""
	}
	return o.Error
}

// reasons are the texts that say why the run ended as it did.
func (j *judge) reasons() []string {
	l := []string{j.r.Ended.Message}
	if j.stop != nil {
		l = append(l, j.stop.End.Message, j.stop.End.Code, j.stop.Pending, j.refusal())
	}
	for _, i := range j.r.Invariants {
		if i.Violated != nil {
			l = append(l, i.Violated.Message, i.Violated.Evidence)
		}
	}
	return l
}

func mentions(texts []string, want string) bool {
	for _, t := range texts {
		if strings.Contains(strings.ToLower(t), strings.ToLower(want)) {
			return true
		}
	}
	return false
}

// wanted is the end that was expected, in words.
func wanted(e dsl.Expectation) string {
	words := map[dsl.ExpectKind]string{dsl.Completes: "to complete", dsl.IsBlocked: "blocked", dsl.Fails: "to fail", dsl.Stuck: "stuck",
		dsl.Refused: "refused by the site"}[e.Kind]
	if e.Step != "" {
		words += " at " + e.Step
	}
	if e.Code != "" {
		words += " with code " + e.Code
	}
	return words
}

// story is how the run ended, in words.
func (j *judge) story() string {
	end := j.r.Ended
	switch {
	case end.Completed && end.Verdict == journal.Pass:
		return "a run that completed"
	case end.Completed:
		return "a run that completed, and " + end.Message
	case j.stop == nil:
		return "a run that stopped: " + end.Message
	}
	words := string(j.stop.End.Outcome)
	if j.stop.End.Expired {
		words = "stuck"
	}
	words += " at " + j.stop.ID
	if j.stop.End.Code != "" {
		words += " with code " + j.stop.End.Code
	}
	message, _, _ := strings.Cut(j.stop.End.Message, "\n")
	return words + " (" + message + ")"
}
