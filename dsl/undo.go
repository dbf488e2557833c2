package dsl

import (
	"context"
	"time"
)

// Undo says how a write step is taken back: Keep (what was written may stay), a Reason why it cannot be, or Run.
// Exactly one is set on a step of risk Write or OneWay, none on Read.
type Undo struct {
	Keep   bool
	Reason string
	Run    func(context.Context, Site) error
	// Until, beside Run, is polled when Run has written, until it is safe to go on; nil: it is safe at once. Timeout and
	// StuckAfter are those of a Wait.
	Until               func(context.Context, Site) (Poll, error)
	Timeout, StuckAfter time.Duration
	// After names an earlier step whose undo comes first; "": none.
	After string
}

// Undoing is the steps in the order in which a rollback takes them back: from the last to the first, but after what
// their undo names. Each stands in it once, those without an Undo.Run too.
func Undoing(steps []Step) []Step {
	byID := map[string]Step{}
	for _, s := range steps {
		byID[s.ID] = s
	}
	var order []Step
	placed := map[string]bool{}
	var place func(s Step)
	place = func(s Step) {
		if placed[s.ID] {
			return
		}
		placed[s.ID] = true
		if before, ok := byID[s.Undo.After]; ok {
			place(before)
		}
		order = append(order, s)
	}
	for i := len(steps) - 1; i >= 0; i-- {
		place(steps[i])
	}
	return order
}
