package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/runner/journal"
)

// Step implements dsl.Host.
func (h *host) Step(ctx context.Context, s dsl.Step,
	body func(context.Context, dsl.Site) (dsl.Result, error)) (json.RawMessage, error) {
	recorded, err := h.begin(ctx, journal.StepStarted{ID: s.ID, Kind: journal.StepKindStep, Doc: s.Doc,
		Risk: string(s.Risk), Undo: undoText(s.Undo), Timeout: s.Timeout.Seconds(), Pos: s.Pos.String()})
	if err == nil || recorded != nil {
		h.steps = append(h.steps, s)
	}
	if err != nil || recorded != nil {
		return valueOf(recorded), err
	}
	since := h.clock.Now()
	a := &acting{host: h, step: s.ID, mayWrite: s.Risk != dsl.Read, pauses: stepPauses}
	defer a.close()
	var result dsl.Result
	err = h.within(ctx, s.Timeout, func(ctx context.Context) (err error) {
		result, err = body(ctx, a)
		return err
	})
	e := journal.StepEnded{ID: s.ID, Kind: journal.StepKindStep, Outcome: journal.Done}
	if result.Noop || a.mayWrite && a.changed == 0 {
		e.Outcome = journal.Noop
	}
	// The runbook gets what the journal keeps, so that a resumed run cannot take another way.
	e.Value = journal.RedactValue(result.Value)
	err = h.end(ctx, e, since, err)
	if err != nil {
		return nil, err
	}
	return e.Value, nil
}

func valueOf(e *journal.StepEnded) json.RawMessage {
	if e == nil {
		return nil
	}
	return e.Value
}

// within calls f, for no longer than a timeout of site time (0: as long as it takes), and turns a panic into an error.
func (h *host) within(ctx context.Context, timeout time.Duration, f func(context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			h.broken = panicked(p)
			err = h.broken
		}
	}()
	if timeout <= 0 {
		return f(ctx)
	}
	late := &no{code: "timeout", message: fmt.Sprintf("it took longer than %s of site time", short(timeout))}
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		if h.clock.Sleep(inner, timeout) == nil {
			cancel(late)
		}
	}()
	err = f(inner)
	if err != nil && errors.Is(context.Cause(inner), late) {
		return late
	}
	return err
}

// undoText is how a journal names an undo.
func undoText(u dsl.Undo) string {
	switch {
	case u.Keep:
		return "keep"
	case u.Run != nil:
		return "run"
	}
	return u.Reason
}
