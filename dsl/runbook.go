package dsl

import (
	"context"
	"errors"

	"github.com/rehearse-dev/rehearse/dsl/diag"
	"go.starlark.net/starlark"
)

// Runbook is a loaded runbook. It is immutable and may be run many times.
type Runbook struct {
	Name, Doc  string
	File       string // path of the file that declares it
	Pos        Position
	Params     []Param           // in the order of the file
	Invariants []string          // ids, watched during the whole run
	Files      map[string]string // all that was loaded: "//dir/file.star" or "@rehearse//file.star" to its SHA-256
	module     *module
	prog       *program
	run        *starlark.Function
}

// declareRunbook is runbook(name=, run=, doc=, params=, invariants=).
func declareRunbook(c *call) (starlark.Value, error) {
	rb := &Runbook{prog: c.prog, Pos: c.pos()}
	var run starlark.Callable
	var params *starlark.Dict
	if err := c.unpack(&rb.Name, &run, &rb.Doc, &params, &rb.Invariants); err != nil {
		return nil, err
	}
	if c.module == nil {
		return nil, c.errorf("load-time-only", "a runbook is declared while its file loads")
	}
	rb.File, rb.module = c.module.file, c.module
	if !IsKebab(rb.Name) {
		return nil, c.errorf("not-kebab-case", "got name %q, want kebab-case", rb.Name)
	}
	for _, id := range rb.Invariants {
		if !IsKebab(id) {
			return nil, c.errorf("not-kebab-case", "got invariant %q, want kebab-case", id)
		}
	}
	fn, ok := run.(*starlark.Function)
	if !ok || fn.NumParams() != 2 || fn.HasVarargs() || fn.HasKwargs() {
		return nil, c.errorf("bad-argument", "for parameter run: got %s, want a function of (ctx, p)", run)
	}
	rb.run = fn
	var err error
	if rb.Params, err = paramsOf(c, params); err != nil {
		return nil, err
	}
	c.module.runbooks = append(c.module.runbooks, rb)
	return token[*Runbook]{"runbook", rb}, nil
}

// Run runs the runbook on a host. It returns nil when the script reached its end. What a Host method returned as an
// error is found with errors.Is and errors.As; a mistake in the script and a refused precondition are a
// diag.Diagnostic. Run blocks until then, and stops soon after ctx is done.
func (rb *Runbook) Run(ctx context.Context, host Host, params Params) error {
	r := &run{ctx: ctx, prog: rb.prog, host: host, ids: map[string]Position{}}
	t := rb.prog.thread(rb.Name, &env{run: r})
	defer stopWith(ctx, t)()
	defer grant(t)()
	_, err := starlark.Call(t, rb.run, starlark.Tuple{ctxValue{r}, params.value()}, nil)
	return rb.prog.diagnose(diag.Run, t, err)
}

// stopWith cancels the thread when ctx is done, until the returned func is called.
func stopWith(ctx context.Context, t *starlark.Thread) (end func()) {
	stop := context.AfterFunc(ctx, func() {
		d := diag.New("cancelled", "the run was stopped: %v", context.Cause(ctx))
		d.Err = errors.Join(ctx.Err(), context.Cause(ctx))
		envOf(t).cancel(t, d)
	})
	return func() { stop() }
}
