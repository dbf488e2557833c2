package dsl

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/rehearse-dev/rehearse/dsl/diag"
	"github.com/rehearse-dev/rehearse/dsl/value"
	"go.starlark.net/starlark"
)

// run is one run of a runbook.
type run struct {
	ctx    context.Context // of the whole run
	prog   *program
	host   Host
	ids    map[string]Position // of what was conducted so far
	inside string              // the step or wait whose function runs, "" while run itself does
}

// ctxValue is ctx, which conducts.
type ctxValue struct{ *run }

func (ctxValue) String() string        { return "<ctx>" }
func (ctxValue) Type() string          { return "ctx" }
func (ctxValue) Freeze()               {}
func (ctxValue) Truth() starlark.Bool  { return true }
func (ctxValue) Hash() (uint32, error) { return 0, errors.New("unhashable: ctx") }
func (ctxValue) AttrNames() []string   { return methods("ctx") }

func (v ctxValue) Attr(name string) (starlark.Value, error) {
	return method("ctx", name, "ctx", v), nil
}

// conducting begins a step, wait, gate or manual: it may not stand inside another one, and its id is new.
func (c *call) conducting(id string) (*run, error) {
	r := c.recv.(ctxValue).run
	pos := c.pos()
	first, taken := r.ids[id]
	switch {
	case r.inside != "":
		return nil, c.errorf("ctx-inside-step", "ctx conducts, and cannot be used inside %s", r.inside).
			Hint("do this in run, after " + r.inside)
	case !IsKebab(id):
		return nil, c.errorf("not-kebab-case", "got id %q, want kebab-case", id)
	case taken:
		return nil, c.errorf("duplicate-step-id", "id %q is taken at %s", id, first)
	}
	r.ids[id] = pos
	return r, nil
}

// body calls the function of a step or a wait. Site exists until it returns. The arguments are frozen: a result that is
// replayed would not repeat what the function did to them.
func (r *run) body(ctx context.Context, t *starlark.Thread, site Site, w work) (starlark.Value, error) {
	w.fn.Freeze()
	w.args.Freeze()
	scope := &scope{ctx: ctx, site: site, what: w.what, writes: w.writes}
	r.inside = w.what
	defer func() { r.inside, scope.over = "", true }()
	defer grant(t)()
	v, err := starlark.Call(t, w.fn, append(starlark.Tuple{siteValue{scope}}, w.args...), nil)
	return v, r.prog.diagnose(diag.Run, t, err)
}

// work is a function that gets a site.
type work struct {
	what   string // "step preflight"
	fn     starlark.Callable
	args   starlark.Tuple
	writes bool
}

// poll is what a wait and a manual verify with.
func (r *run) poll(t *starlark.Thread, w work) func(context.Context, Site) (Poll, error) {
	return func(ctx context.Context, site Site) (Poll, error) {
		v, err := r.body(ctx, t, site, w)
		if err != nil {
			return Poll{}, err
		}
		return pollOf(w, v)
	}
}

// ended is what a Host method returned as an error; one that knows its place in the script stays as it is.
func ended(err error) error {
	if err == nil || len(diag.All(err)) > 0 {
		return err
	}
	d := diag.New("run-ended", "%v", err)
	d.Err = err
	return d
}

// result is what the host kept of a step or a wait, as the script gets it: the same whether it is fresh or recorded.
func result(raw json.RawMessage) (starlark.Value, error) {
	if len(raw) == 0 {
		return starlark.None, nil
	}
	v, err := value.Decode(raw)
	if err != nil {
		return nil, err
	}
	v.Freeze()
	return v, nil
}
