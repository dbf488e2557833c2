package dsl

import (
	"github.com/rehearse-dev/rehearse/dsl/value"
	"go.starlark.net/starlark"
)

// This file defines version(text), duration(text) and quantity(text). Each also takes a value of its own type.

func newVersion(c *call) (starlark.Value, error) {
	var v value.Version
	err := c.unpack(&v)
	return v, err
}

func newDuration(c *call) (starlark.Value, error) {
	var d value.Duration
	err := c.unpack(&d)
	return d, err
}

func newQuantity(c *call) (starlark.Value, error) {
	var q value.Quantity
	err := c.unpack(&q)
	return q, err
}
