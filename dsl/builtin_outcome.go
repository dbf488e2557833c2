package dsl

import (
	"github.com/rehearse-dev/rehearse/dsl/diag"
	"github.com/rehearse-dev/rehearse/dsl/value"
	"go.starlark.net/starlark"
)

// This file defines what the function of a step or a wait answers with: done, pending, broken, noop.

// answer is what such a builtin returns; kind is its name.
type answer struct {
	token[Poll]
	value starlark.Value // of done and noop
}

func (a answer) Freeze() { a.value.Freeze() }

func done(c *call) (starlark.Value, error) {
	var v starlark.Value = starlark.None
	err := c.unpack(&v)
	return answer{token[Poll]{"done", Poll{State: Done}}, v}, err
}

func noop(c *call) (starlark.Value, error) {
	var v starlark.Value = starlark.None
	err := c.unpack(&v)
	return answer{token[Poll]{kind: "noop"}, v}, err
}

func pending(c *call) (starlark.Value, error) { return unfinished(c, Pending) }
func broken(c *call) (starlark.Value, error)  { return unfinished(c, Broken) }

func unfinished(c *call, state PollState) (starlark.Value, error) {
	p := Poll{State: state}
	if err := c.unpack(&p.Text, &p.Code); err != nil {
		return nil, err
	}
	if p.Code != "" && !IsKebab(p.Code) {
		return nil, c.errorf("not-kebab-case", "got code %q, want kebab-case", p.Code)
	}
	return answer{token[Poll]{string(state), p}, starlark.None}, nil
}

// pollOf reads the answer of a wait's function.
func pollOf(w work, v starlark.Value) (Poll, error) {
	a, ok := v.(answer)
	if !ok || a.kind == "noop" {
		return Poll{}, diag.New("wrong-answer", "%s: %s returned %s, want done(…), pending(…) or broken(…)",
			w.what, w.fn.Name(), v.Type())
	}
	p := a.of
	if p.State != Done {
		return p, nil
	}
	var err error
	p.Value, err = encode(w, a.value)
	return p, err
}

// resultOf reads the result of a step's function.
func resultOf(w work, v starlark.Value) (Result, error) {
	a, isAnswer := v.(answer)
	if isAnswer && a.kind != "noop" {
		return Result{}, diag.New("wrong-answer", "%s: %s returned %s, which only a wait does; want data or noop(data)",
			w.what, w.fn.Name(), a.kind)
	}
	if isAnswer {
		v = a.value
	}
	raw, err := encode(w, v)
	return Result{Value: raw, Noop: isAnswer}, err
}

// encode writes a result for the journal.
func encode(w work, v starlark.Value) ([]byte, error) {
	raw, err := value.Encode(v)
	if err != nil {
		return nil, diag.New("result-not-data", "%s: the result of %s is not data: %v", w.what, w.fn.Name(), err).
			Hint("return what a later step needs to know, and build functions where they are used")
	}
	return raw, nil
}
