package dsl

import (
	"context"

	"github.com/rehearse-dev/rehearse/dsl/value"
	"go.starlark.net/starlark"
)

// ctxManual is ctx.manual(id, instructions, verify=, timeout=, doc=); verify is a function of (site) as a wait's.
func ctxManual(c *call) (starlark.Value, error) {
	var (
		m       = Manual{Pos: c.pos()}
		verify  starlark.Callable
		timeout value.Duration
		poll    func(context.Context, Site) (Poll, error)
	)
	if err := c.unpack(&m.ID, &m.Instructions, &verify, &timeout, &m.Doc); err != nil {
		return nil, err
	}
	r, err := c.conducting(m.ID)
	if err != nil {
		return nil, err
	}
	if m.Timeout, err = c.positive("timeout", timeout); err != nil {
		return nil, err
	}
	if verify != nil {
		poll = r.poll(c.thread, work{what: "manual " + m.ID, fn: verify})
	}
	return starlark.None, ended(r.host.Manual(r.ctx, m, poll))
}
