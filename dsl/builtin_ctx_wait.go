package dsl

import (
	"github.com/rehearse-dev/rehearse/dsl/value"
	"go.starlark.net/starlark"
)

// ctxWait is ctx.wait(id, fn, *args, timeout=, stuck_after=, every=, doc=).
func ctxWait(c *call) (starlark.Value, error) {
	var (
		w                          = Wait{Pos: c.pos()}
		fn                         starlark.Callable
		args                       starlark.Tuple
		timeout, stuckAfter, every value.Duration
	)
	if err := c.unpack(&w.ID, &fn, &args, &timeout, &stuckAfter, &every, &w.Doc); err != nil {
		return nil, err
	}
	r, err := c.conducting(w.ID)
	if err != nil {
		return nil, err
	}
	if w.Timeout, err = c.positive("timeout", timeout); err != nil {
		return nil, err
	}
	if w.StuckAfter, err = c.positive("stuck_after", stuckAfter); err != nil {
		return nil, err
	}
	if w.Every, err = c.positive("every", every); err != nil {
		return nil, err
	}
	if w.Timeout == 0 {
		return nil, c.errorf("bad-argument", "for parameter timeout: got 0s, want a positive duration")
	}
	raw, err := r.host.Wait(r.ctx, w, r.poll(c.thread, work{what: "wait " + w.ID, fn: fn, args: args}))
	if err != nil {
		return nil, ended(err)
	}
	return result(raw)
}
