package dsl

import (
	"github.com/rehearse-dev/rehearse/dsl/diag"
	"go.starlark.net/starlark"
)

// call is one call of a builtin.
type call struct {
	*env
	thread  *starlark.Thread
	builtin Builtin
	name    string         // as messages show it: site.management.get
	recv    starlark.Value // of a method
	args    starlark.Tuple
	kwargs  []starlark.Tuple
}

// unpack sets the pointers, in the order of the signature.
func (c *call) unpack(into ...any) error {
	return c.builtin.Sig.Unpack(c.name, c.args, c.kwargs, into...)
}

// pos is where the script calls the builtin.
func (c *call) pos() Position {
	pos, _ := c.prog.where(c.thread.CallStack())
	return pos
}

// errorf is a mistake at the call; its position is filled in by whoever catches it.
func (c *call) errorf(code, format string, args ...any) *diag.Diagnostic {
	return diag.New(code, c.name+": "+format, args...)
}

// token carries a thing of ours through a script, which can pass it on and nothing else.
type token[T any] struct {
	kind string
	of   T
}

func (t token[T]) String() string       { return "<" + t.kind + ">" }
func (t token[T]) Type() string         { return t.kind }
func (t token[T]) Freeze()              {}
func (t token[T]) Truth() starlark.Bool { return true }
func (t token[T]) Hash() (uint32, error) {
	return 0, diag.New("script-error", "unhashable: %s", t.kind)
}
