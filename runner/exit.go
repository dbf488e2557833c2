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
	broken   error    // our own machinery
	stopped  bool     // by the user
	unfired  []string // faults that were armed
	failed   string   // why the runbook did not reach its end, "" when it did
	blocked  bool     // it stopped itself before any write
	violated []string // invariants, with what was seen
	unseen   []string // invariants that nothing was observed of
}

// verdict weighs: what broke of ours comes first, since nothing else can be trusted then; that nothing was written is
// the best promise that a runbook can keep, so it outweighs the state in which it found the site.
func (e ending) verdict() (journal.Verdict, int, string) {
	violated := strings.Join(e.violated, "; ")
	switch {
	case e.broken != nil:
		return journal.Error, ExitError, e.broken.Error()
	case e.stopped:
		return journal.Fail, ExitStopped, "stopped by the user"
	case len(e.unfired) > 0:
		return journal.Error, ExitError, fmt.Sprintf("armed, not triggered: %s", strings.Join(e.unfired, ", "))
	case e.blocked:
		return journal.Fail, ExitBlocked, e.failed
	case e.failed != "" && violated != "":
		return journal.Fail, ExitFail, e.failed + "; " + violated
	case e.failed != "":
		return journal.Fail, ExitFail, e.failed
	case violated != "":
		return journal.Fail, ExitFail, violated
	case len(e.unseen) > 0:
		return journal.Error, ExitError, "nothing was observed of: " + strings.Join(e.unseen, ", ")
	}
	return journal.Pass, ExitPass, ""
}
