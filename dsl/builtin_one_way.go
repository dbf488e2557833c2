package dsl

import "go.starlark.net/starlark"

// wayOne is the undo of a step that cannot be undone.
type wayOne struct{ reason string }

// oneWay is one_way(reason).
func oneWay(c *call) (starlark.Value, error) {
	var w wayOne
	if err := c.unpack(&w.reason); err != nil {
		return nil, err
	}
	if w.reason == "" {
		return nil, c.errorf("bad-argument", "for parameter reason: got an empty text, want why it cannot be undone")
	}
	return token[wayOne]{"one_way", w}, nil
}
