package dsl

import (
	"context"
	"time"

	"github.com/rehearse-dev/rehearse/dsl/value"
	"go.starlark.net/starlark"
)

// wayBack is an undo with what belongs to it, as rollback makes it.
type wayBack struct {
	fn, wait            starlark.Callable // wait may be nil
	timeout, stuckAfter value.Duration
	after               string
}

// rollback is rollback(fn, wait=, timeout=, stuck_after=, after=).
func rollback(c *call) (starlark.Value, error) {
	var w wayBack
	if err := c.unpack(&w.fn, &w.wait, &w.timeout, &w.stuckAfter, &w.after); err != nil {
		return nil, err
	}
	w.fn.Freeze()
	for _, d := range []struct {
		name string
		of   value.Duration
	}{{"timeout", w.timeout}, {"stuck_after", w.stuckAfter}} {
		if _, err := c.positive(d.name, d.of); err != nil {
			return nil, err
		}
		if w.wait == nil && d.of != 0 {
			return nil, c.errorf("bad-argument", "got %s without wait, which it belongs to", d.name)
		}
	}
	if w.wait == nil {
		return token[wayBack]{"rollback", w}, nil
	}
	w.wait.Freeze()
	if w.timeout == 0 {
		return nil, c.errorf("bad-argument", "for parameter timeout: got none, want how long the wait may take")
	}
	return token[wayBack]{"rollback", w}, nil
}

// undoOf makes of a way back what the host runs: it may run when the runbook has long ended, on threads of its own.
func (c *call) undoOf(r *run, id string, w wayBack) (Undo, error) {
	u := Undo{After: w.after, Timeout: time.Duration(w.timeout), StuckAfter: time.Duration(w.stuckAfter)}
	if _, known := r.ids[w.after]; w.after != "" && !known || w.after == id {
		return Undo{}, c.errorf("undo-after-unknown", "the undo of step %q comes after that of %q, which is no step before it",
			id, w.after)
	}
	u.Run = r.undo(id, w.fn)
	if w.wait != nil {
		u.Until = r.undone(id, w.wait)
	}
	return u, nil
}

// undo is fn(site) for later.
func (r *run) undo(id string, fn starlark.Callable) func(context.Context, Site) error {
	fn.Freeze()
	return func(ctx context.Context, site Site) error {
		later, t, end := r.later(ctx, "undo "+id)
		defer end()
		_, err := later.body(ctx, t, site, work{what: "undo of step " + id, fn: fn, writes: true})
		return err
	}
}

// undone is fn(site) for later, as a wait asks it.
func (r *run) undone(id string, fn starlark.Callable) func(context.Context, Site) (Poll, error) {
	return func(ctx context.Context, site Site) (Poll, error) {
		later, t, end := r.later(ctx, "undone "+id)
		defer end()
		return later.poll(t, work{what: "wait for the undo of step " + id, fn: fn})(ctx, site)
	}
}

// later is the same run on a thread of its own.
func (r *run) later(ctx context.Context, name string) (*run, *starlark.Thread, func()) {
	l := &run{ctx: ctx, prog: r.prog, host: r.host}
	t := r.prog.thread(name, &env{run: l})
	return l, t, stopWith(ctx, t)
}
