package runner

import (
	"fmt"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

// replay hands out what a previous run recorded, up to the frontier: the first step that did not end well. From there
// on everything is done, and done again where the previous run was cut off in the middle.
type replay struct {
	runID string
	steps []*journal.Step
	wrote bool // the previous run may have changed the site
}

func replayOf(r *journal.Run) replay {
	if r == nil {
		return replay{}
	}
	p := replay{runID: r.Started.RunID, steps: r.Steps, wrote: r.Changed() > 0}
	if r.Rollback != nil {
		p.steps = r.Steps[:r.Rollback.Before]
	}
	for _, s := range r.Steps { // a run that was itself resumed keeps the writes of the first with its steps
		p.wrote = p.wrote || s.End != nil && s.End.Writes > 0
	}
	return p
}

// resumable says why a run cannot be taken up again: what it recorded is not so any more once it was rolled back.
func resumable(r *journal.Run) error {
	if r.Rollback == nil {
		return nil
	}
	if e := r.Rollback.End; e != nil && (e.Outcome == journal.Noop || e.Outcome == journal.Blocked) {
		return nil
	}
	return fmt.Errorf("resume: run %s was rolled back, if not to the end: start a new one", r.Started.RunID)
}

// next is what was recorded of the step that the runbook comes to. cut are the writes of it that never came to an end.
// A runbook that comes to another step than the one before is not the same any more.
func (p *replay) next(s journal.StepStarted) (recorded *journal.StepEnded, cut []string, err error) {
	if len(p.steps) == 0 {
		return nil, nil, nil
	}
	was := p.steps[0]
	if was.ID != s.ID || was.Kind != s.Kind {
		return nil, nil, fmt.Errorf("resume: got %s %q, want %s %q as in run %s: the runbook, its parameters or the site "+
			"are not the same any more", s.Kind, s.ID, was.Kind, was.ID, p.runID)
	}
	if was.End == nil || was.End.Outcome != journal.Done && was.End.Outcome != journal.Noop {
		p.steps = nil // the frontier
		for _, w := range was.Writes {
			if w.Outcome == nil {
				cut = append(cut, w.Key)
			}
		}
		return nil, cut, nil
	}
	p.steps = p.steps[1:]
	e := *was.End
	e.Recorded = true
	return &e, nil, nil
}
