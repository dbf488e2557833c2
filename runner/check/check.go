package check

import (
	"fmt"
	"strings"

	"github.com/rehearse-dev/rehearse/dsl/diag"
	"github.com/rehearse-dev/rehearse/runner/journal"
)

// Invariant is a claim about every moment of a run.
type Invariant struct {
	ID  string
	Doc string // one line
	// Recovery is what a person does once it is broken; Source the document, or module@version and symbol, it comes from.
	Recovery, Source string
	// Sees tells whether an event lets the claim be judged at all. A run in which it saw nothing proves nothing.
	Sees func(journal.Body) bool
	// Broken looks at the estate as it is now; nil: the claim holds.
	Broken func(*Estate) *Breach
	// Blind says why the claim cannot be judged as the estate is now, "" when it can. nil: it always can.
	Blind func(*Estate) string
}

// Breach is a claim that does not hold.
type Breach struct {
	Message  string
	Evidence string // the machines and conditions that show it
}

// All is the table of invariants. Keep sorted.
var All = []Invariant{
	controlPlaneOneMinor,
	cpiAvailable,
	diskOneMachine,
	disksFollowSlots,
	endpointAnswers,
	etcdQuorum,
	oldTemplateKept,
	oneControlPlaneMachine,
	slotOneMachine,
	workersNotNewer,
}

// Find is the invariant of that id.
func Find(id string) (Invariant, error) {
	var known []string
	for _, i := range All {
		if i.ID == id {
			return i, nil
		}
		known = append(known, i.ID)
	}
	if near := diag.Nearest(id, known); near != "" {
		return Invariant{}, fmt.Errorf("no invariant %q (did you mean %q?)", id, near)
	}
	return Invariant{}, fmt.Errorf("no invariant %q: got one that is not of %s", id, strings.Join(known, ", "))
}
