package dsl

import (
	"github.com/rehearse-dev/rehearse/dsl/diag"
	"go.starlark.net/starlark"
)

// newRange is Starlark's range. Starlark counts no steps inside of list(…), max(…) and their like, and they ask a range
// for its length and make room for all of it: a range that is longer than a script may walk has no length therefore, and
// looks at the limits by itself.
func newRange(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	v, err := starlark.Call(t, starlark.Universe["range"], args, kwargs)
	if err != nil {
		return nil, err
	}
	if r, ok := v.(starlark.Sequence); ok && r.Len() > maxSteps {
		return longRange{r, t}, nil
	}
	return v, nil
}

type longRange struct {
	starlark.Iterable
	thread *starlark.Thread
}

// Iterate implements starlark.Iterable.
func (r longRange) Iterate() starlark.Iterator {
	return &longWalk{Iterator: r.Iterable.Iterate(), thread: r.thread}
}

type longWalk struct {
	starlark.Iterator
	thread *starlark.Thread
	n      int
}

// Next implements starlark.Iterator. It ends where the thread is stopped.
func (w *longWalk) Next(p *starlark.Value) bool {
	e := envOf(w.thread)
	if w.n++; w.n > maxSteps {
		e.cancel(w.thread, endless())
	}
	if stop := e.stop.Load(); stop != nil {
		w.thread.Cancel(stop.Message) // whoever set the reason may not have come to this: the script must not go on behind the loop
		return false
	}
	return w.Iterator.Next(p)
}

func endless() *diag.Diagnostic {
	return diag.New("step-limit", "the script ran %d million steps without an end", maxSteps/1_000_000).
		Hint("let a ctx.wait do the waiting, or loop over less")
}
