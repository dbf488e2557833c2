package dsl

import (
	"testing"

	"go.starlark.net/starlark"
)

func TestALongRangeNeverEndsWithTheScriptGoingOn(t *testing.T) {
	e := &env{}
	thread := (&program{}).thread("x", e)
	v, err := newRange(thread, nil, starlark.Tuple{starlark.MakeInt(maxSteps * 2)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	e.stop.Store(endless()) // as e.cancel does first
	var x starlark.Value
	walk := v.(longRange).Iterate()
	defer walk.Done()
	if walk.Next(&x) {
		t.Fatal("got a value of a thread that is stopped, want the end")
	}
	if _, err := starlark.ExecFileOptions(Dialect, thread, "x.star", "y = 1", nil); err == nil {
		t.Error("got a script that goes on behind the loop, want it cancelled")
	}
}
