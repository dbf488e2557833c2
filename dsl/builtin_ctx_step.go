package dsl

import (
	"context"
	"time"

	"github.com/rehearse-dev/rehearse/dsl/diag"
	"github.com/rehearse-dev/rehearse/dsl/value"
	"go.starlark.net/starlark"
)

// ctxStep is ctx.step(id, fn, *args, risk=, undo=, timeout=, doc=).
func ctxStep(c *call) (starlark.Value, error) {
	var (
		s       = Step{Pos: c.pos()}
		fn      starlark.Callable
		args    starlark.Tuple
		risk    = string(Write)
		undo    starlark.Value
		timeout value.Duration
	)
	if err := c.unpack(&s.ID, &fn, &args, &risk, &undo, &timeout, &s.Doc); err != nil {
		return nil, err
	}
	r, err := c.conducting(s.ID)
	if err != nil {
		return nil, err
	}
	if s.Risk, s.Undo, err = c.riskAndUndo(r, s.ID, risk, undo); err != nil {
		return nil, err
	}
	if s.Timeout, err = c.positive("timeout", timeout); err != nil {
		return nil, err
	}
	w := work{what: "step " + s.ID, fn: fn, args: args, writes: s.Risk != Read}
	raw, err := r.host.Step(r.ctx, s, func(ctx context.Context, site Site) (Result, error) {
		v, err := r.body(ctx, c.thread, site, w)
		if err != nil {
			return Result{}, err
		}
		return resultOf(w, v)
	})
	if err != nil {
		return nil, ended(err)
	}
	return result(raw)
}

// riskAndUndo checks that a step which writes says how it is taken back, and that one which reads does not.
func (c *call) riskAndUndo(r *run, id, risk string, undo starlark.Value) (Risk, Undo, error) {
	if undo == starlark.None {
		undo = nil
	}
	way, isOneWay := undo.(token[wayOne])
	switch Risk(risk) {
	case Read:
		if undo != nil {
			return "", Undo{}, c.errorf("undo-on-read", "step %q only reads, so it has no undo", id)
		}
		return Read, Undo{}, nil
	case OneWay:
		if !isOneWay {
			return "", Undo{}, c.errorf("undo-missing", "step %q has risk one-way and does not say why", id).
				Hint(`add undo = one_way("reason")`)
		}
	case Write:
	default:
		d := c.errorf("bad-argument", `for parameter risk: got %q, want "read", "write" or "one-way"`, risk)
		return "", Undo{}, d.Hint(diag.DidYouMean(risk, []string{string(Read), string(Write), string(OneWay)}))
	}
	switch u := undo.(type) {
	case nil:
		return "", Undo{}, c.errorf("undo-missing", "step %q writes and does not say how it is undone", id).
			Hint(`add undo = a function of (site), rollback(…), "keep" or one_way("reason"); or risk = "read"`)
	case token[wayOne]:
		return OneWay, Undo{Reason: way.of.reason}, nil
	case token[wayBack]:
		back, err := c.undoOf(r, id, u.of)
		return Write, back, err
	case starlark.Callable:
		return Write, Undo{Run: r.undo(id, u)}, nil
	case starlark.String:
		if u == "keep" {
			return Write, Undo{Keep: true}, nil
		}
	}
	return "", Undo{}, c.errorf("bad-argument",
		`for parameter undo: got %s, want a function of (site), rollback(…), "keep" or one_way("reason")`, undo)
}

// positive is a duration argument; 0 when it is absent.
func (c *call) positive(name string, d value.Duration) (time.Duration, error) {
	if d < 0 {
		return 0, c.errorf("bad-argument", "for parameter %s: got %s, want a positive duration", name, d)
	}
	return time.Duration(d), nil
}
