package dsl

import "go.starlark.net/starlark"

// ctxNote is ctx.note(text).
func ctxNote(c *call) (starlark.Value, error) {
	var text string
	if err := c.unpack(&text); err != nil {
		return nil, err
	}
	r := c.recv.(ctxValue).run
	if r.inside != "" {
		return nil, c.errorf("ctx-inside-step", "ctx conducts, and cannot be used inside %s", r.inside).
			Hint("return the text, and note it in run")
	}
	r.host.Note(r.ctx, text)
	return starlark.None, nil
}
