package runner

import (
	"context"
	"errors"
	"fmt"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/runner/journal"
)

// errTurned ends the script of a run that turns back.
var errTurned = errors.New("the run turns back")

// turn ends the script when the step that has just ended well is the one after which the run turns back.
func (h *host) turn(id string) error {
	if id != h.run.RollbackAt || h.back != nil {
		return nil
	}
	h.turned = true
	return errTurned
}

// wayBack says what going back would mean, after a step on the way forward.
func (h *host) wayBack(ctx context.Context, id string) {
	if h.back != nil || ctx.Err() != nil {
		return
	}
	look, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := h.run.observer.Refresh(look); err != nil {
		h.warn("the way back is told from what was seen before: " + err.Error())
	}
	h.journal.Drain()
	if level, why, ok := h.run.judge.WayBack(); ok {
		h.append(journal.Reversibility{Step: id, Level: level, Why: why})
		h.journal.Drain()
	}
}

// goBack takes the run back when that was asked for. It never does when the user has stopped the run, who wants no
// further write, nor when our own machinery is broken, which may be why the run went wrong.
func (r *run) goBack(ctx context.Context, e *ending) {
	defer func() {
		if p := recover(); p != nil {
			e.broken = panicked(p)
		}
	}()
	reason := "as asked for, after " + r.RollbackAt
	switch {
	case e.broken != nil || e.stopped || r.observer == nil:
		return
	case r.host.turned:
		e.asked = true
	case e.failed != "" && r.RollbackOnFailure:
		reason = e.failed
	case e.failed == "" && r.RollbackAt != "":
		e.missed = r.RollbackAt
		return
	default:
		return
	}
	e.rollback = r.host.rollback(ctx, reason)
	e.stopped, e.broken = stopping(ctx), broken(ctx)
	if e.broken == nil {
		e.broken = r.host.broken
	}
}

// rolling is a rollback that goes on.
type rolling struct{ changed int } // writes of the run before it began that changed something, or may have

// rollback undoes the steps, from the last to the first but for what their undos say of their order, each followed by
// the wait that makes it safe. It stops at the first that does not end well: what comes later builds on it.
func (h *host) rollback(ctx context.Context, reason string) *journal.RollbackEnded {
	h.back = &rolling{changed: h.changed()}
	h.replay.steps = nil // what is recorded is of the way forward
	h.append(journal.RollbackStarted{Reason: reason})
	h.journal.Drain()
	end := h.undoAll(ctx)
	h.append(end)
	h.journal.Drain()
	return &end
}

func (h *host) undoAll(ctx context.Context) journal.RollbackEnded {
	if !h.wrote() {
		return journal.RollbackEnded{Outcome: journal.Noop, Message: "nothing was written"}
	}
	if s := h.oneWay(); s != nil {
		return journal.RollbackEnded{Outcome: journal.Blocked, Code: "one-way",
			Message: fmt.Sprintf("step %s cannot be undone: %s", s.ID, s.Undo.Reason)}
	}
	for _, s := range dsl.Undoing(h.steps) {
		if s.Undo.Run == nil {
			continue
		}
		if err := h.undo(ctx, s); err != nil {
			return h.notBack(err)
		}
	}
	if h.changed() == h.back.changed {
		return journal.RollbackEnded{Outcome: journal.Noop, Message: "there was nothing to take back"}
	}
	return journal.RollbackEnded{Outcome: journal.Done}
}

// oneWay is the last step that wrote and cannot be undone, nil when there is none.
func (h *host) oneWay() *dsl.Step {
	h.run.mu.Lock()
	defer h.run.mu.Unlock()
	var found *dsl.Step
	for i, s := range h.steps {
		if s.Undo.Reason == "" {
			continue
		}
		for _, done := range h.run.fold.Steps {
			if done.ID == s.ID && mayHaveWritten(done) {
				found = &h.steps[i]
			}
		}
	}
	return found
}

// mayHaveWritten is also true of a step that another run did, which this one resumes.
func mayHaveWritten(s *journal.Step) bool {
	for _, w := range s.Writes {
		if w.MayHaveChanged() {
			return true
		}
	}
	return s.End != nil && s.End.Writes > 0
}

// undo takes one step back, and waits until that is safe when it has written.
func (h *host) undo(ctx context.Context, s dsl.Step) error {
	id := dsl.UndoPrefix + s.ID
	started := journal.StepStarted{ID: id, Kind: journal.StepKindUndo, Doc: s.Doc, Risk: string(dsl.Write),
		Pos: s.Pos.String()}
	if _, err := h.begin(ctx, started); err != nil {
		return err
	}
	since := h.clock.Now()
	a := &acting{host: h, step: id, mayWrite: true, pauses: stepPauses}
	defer a.close()
	err := h.within(ctx, 0, func(ctx context.Context) error { return s.Undo.Run(ctx, a) })
	e := journal.StepEnded{ID: id, Kind: journal.StepKindUndo, Outcome: journal.Done}
	if a.changed == 0 {
		e.Outcome = journal.Noop
	}
	if err := h.end(ctx, e, since, err); err != nil || a.changed == 0 || s.Undo.Until == nil {
		return err
	}
	_, err = h.Wait(ctx, dsl.Wait{ID: dsl.UndonePrefix + s.ID, Doc: s.Doc, Timeout: s.Undo.Timeout,
		StuckAfter: s.Undo.StuckAfter, Pos: s.Pos}, s.Undo.Until)
	return err
}

// notBack is the end of a rollback that err has ended: its last step says more, if it was begun.
func (h *host) notBack(err error) journal.RollbackEnded {
	h.run.mu.Lock()
	defer h.run.mu.Unlock()
	steps := h.run.fold.Steps
	s := steps[len(steps)-1]
	begun := len(steps) > h.run.fold.Rollback.Before
	if !begun || s.End == nil || s.End.Outcome == journal.Done || s.End.Outcome == journal.Noop {
		return journal.RollbackEnded{Outcome: journal.Failed, Message: err.Error()}
	}
	return journal.RollbackEnded{Outcome: s.End.Outcome, Code: s.End.Code, Message: s.ID + ": " + s.End.Message}
}

// changed counts the writes of the run that changed something, or may have.
func (h *host) changed() int {
	h.run.mu.Lock()
	defer h.run.mu.Unlock()
	return h.run.fold.Changed()
}
