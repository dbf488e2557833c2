package runner

import (
	"fmt"
	"strings"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

// The exit codes of the program. They are published; a change is a breaking change.
const (
	ExitPass    = 0
	ExitFail    = 1
	ExitUsage   = 2 // usage, or a runbook or world that cannot be loaded
	ExitError   = 3 // the testbed or the runner itself broke
	ExitStopped = 4 // by the user
	ExitBlocked = 5 // by the runbook, before it had written anything
)

// TestbedError is the cause that a run's context is cancelled with when it is not the user who stops it: the site
// that we run ourselves has broken. The run is then an Error.
type TestbedError struct{ Err error }

func (e *TestbedError) Error() string { return "testbed: " + e.Err.Error() }
func (e *TestbedError) Unwrap() error { return e.Err }

// ending is everything that the verdict depends on.
type ending struct {
	broken    error                  // our own machinery
	completed bool                   // the runbook reached its end
	stopped   bool                   // by the user
	unfired   []string               // faults that were armed
	failed    string                 // why the runbook did not reach its end, "" when it did
	blocked   bool                   // it stopped itself before any write
	violated  []string               // invariants, with what was seen
	unseen    []string               // invariants that nothing was observed of
	missed    string                 // the step after which it was asked to turn back, and to which it never came
	asked     bool                   // it turned back where it was asked to
	rollback  *journal.RollbackEnded // nil: it did not turn back
}

// verdict weighs: what broke of ours comes first, since nothing else can be trusted then; that nothing was written is
// the best promise that a runbook can keep, so it outweighs the state in which it found the site.
func (e ending) verdict() (journal.Verdict, int, string) {
	violated := strings.Join(e.violated, "; ")
	failed := e.why()
	switch {
	case e.broken != nil:
		return journal.Error, ExitError, e.broken.Error()
	case e.stopped && e.rollback != nil:
		return journal.Fail, ExitStopped, "stopped by the user in the rollback"
	case e.stopped:
		return journal.Fail, ExitStopped, "stopped by the user"
	case len(e.unfired) > 0:
		return journal.Error, ExitError, fmt.Sprintf("armed, not triggered: %s", strings.Join(e.unfired, ", "))
	case e.missed != "":
		return journal.Error, ExitError, fmt.Sprintf("asked to roll back after %s: the runbook came to no such step", e.missed)
	case e.blocked:
		return journal.Fail, ExitBlocked, e.failed
	case failed != "" && violated != "":
		return journal.Fail, ExitFail, failed + "; " + violated
	case failed != "":
		return journal.Fail, ExitFail, failed
	case violated != "":
		return journal.Fail, ExitFail, violated
	case len(e.unseen) > 0:
		return journal.Error, ExitError, "nothing was observed of: " + strings.Join(e.unseen, ", ")
	}
	return journal.Pass, ExitPass, ""
}

// why is why the run failed, with what became of its rollback; "" when it did not. A rollback that was asked for is what
// was rehearsed: the run has not failed when it comes to its end.
func (e ending) why() string {
	if e.rollback == nil {
		return e.failed
	}
	var back string
	switch e.rollback.Outcome {
	case journal.Done:
		back = "rolled back"
	case journal.Noop:
		back = "nothing to roll back"
	case journal.Blocked:
		back = "rollback blocked: " + firstLine(e.rollback.Message)
	default:
		back = "rollback failed: " + firstLine(e.rollback.Message)
	}
	switch over := e.rollback.Outcome == journal.Done || e.rollback.Outcome == journal.Noop; {
	case e.asked && over:
		return ""
	case e.asked:
		return back
	}
	return e.failed + "; " + back
}
