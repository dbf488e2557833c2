package dsl

import "go.starlark.net/starlark"

// ctxGate is ctx.gate(id, question, doc=).
func ctxGate(c *call) (starlark.Value, error) {
	g := Gate{Pos: c.pos()}
	if err := c.unpack(&g.ID, &g.Question, &g.Doc); err != nil {
		return nil, err
	}
	r, err := c.conducting(g.ID)
	if err != nil {
		return nil, err
	}
	return starlark.None, ended(r.host.Gate(r.ctx, g))
}
