package dsl

import "go.starlark.net/starlark"

// require is require(cond, message, code=, fix=, doc=). When cond does not hold it ends the run with a Refusal.
func require(c *call) (starlark.Value, error) {
	var cond starlark.Value
	r := &Refusal{Code: "refused", Pos: c.pos()}
	if err := c.unpack(&cond, &r.Message, &r.Code, &r.Fix, &r.Doc); err != nil {
		return nil, err
	}
	if !IsKebab(r.Code) {
		return nil, c.errorf("not-kebab-case", "got code %q, want kebab-case", r.Code)
	}
	if cond.Truth() {
		return starlark.None, nil
	}
	return nil, r
}
