package dsl

import (
	"github.com/rehearse-dev/rehearse/dsl/diag"
	"go.starlark.net/starlark"
)

// nearest is nearest(word, among).
func nearest(c *call) (starlark.Value, error) {
	var word string
	var among []string
	if err := c.unpack(&word, &among); err != nil {
		return nil, err
	}
	if n := diag.Nearest(word, among); n != "" {
		return starlark.String(n), nil
	}
	return starlark.None, nil
}
