package dsl

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"

	"github.com/rehearse-dev/rehearse/dsl/diag"
	"go.starlark.net/resolve"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// program is a file with all that it loads: what is needed to say where an error is.
type program struct {
	sources map[string]string // by the name that positions carry
	names   []string          // that every script knows, sorted
	print   func(Position, string)
}

// env is what a thread knows about itself.
type env struct {
	prog   *program
	module *module // while a file loads
	run    *run    // while a runbook runs
	limit  uint64  // of the thread's execution steps
	stop   atomic.Pointer[diag.Diagnostic]
}

const envKey = "rehearse"

func envOf(t *starlark.Thread) *env { return t.Local(envKey).(*env) }

// thread is a new thread of the program.
func (p *program) thread(name string, e *env) *starlark.Thread {
	e.prog = p
	t := &starlark.Thread{Name: name, Print: func(t *starlark.Thread, msg string) {
		if p.print != nil {
			pos, _ := p.where(t.CallStack())
			p.print(pos, msg)
		}
	}}
	t.OnMaxSteps = func(t *starlark.Thread) {
		e.cancel(t, endless())
	}
	t.SetLocal(envKey, e)
	return t
}

// cancel stops the thread for the reason d; the first reason wins.
func (e *env) cancel(t *starlark.Thread, d *diag.Diagnostic) {
	e.stop.CompareAndSwap(nil, d)
	t.Cancel(d.Message)
}

// where is the position that a call stack points at, and the stack without builtins, outermost first. A call inside the
// standard library points at the line that called into it, as far as there is one.
func (p *program) where(stack starlark.CallStack) (Position, []diag.Frame) {
	var at Position
	var frames []diag.Frame
	for _, f := range stack {
		if f.Pos.Filename() == "<builtin>" || f.Pos.Line == 0 {
			continue
		}
		name := f.Name
		if name == "<toplevel>" {
			name = "top level"
		}
		frames = append(frames, diag.Frame{Func: name, Pos: p.position(f.Pos)})
	}
	for _, f := range frames {
		if at.Line == 0 || isEmbedded(at.File) || !isEmbedded(f.Pos.File) {
			at = f.Pos
		}
	}
	return at, frames
}

// position is a Starlark position; that of a call, which Starlark puts on the parenthesis, moves to what is called.
func (p *program) position(pos syntax.Position) Position {
	at := Position{File: pos.Filename(), Line: int(pos.Line), Col: int(pos.Col)}
	line := []rune(p.line(at))
	i := at.Col - 1
	if i <= 0 || i >= len(line) || line[i] != '(' {
		return at
	}
	for i > 0 && (line[i-1] == '.' || line[i-1] == '_' || isAlphanumeric(line[i-1])) {
		i--
	}
	at.Col = i + 1
	return at
}

func isAlphanumeric(r rune) bool {
	return '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}

// line is the source line at a position, "" when it is not known.
func (p *program) line(at Position) string {
	lines := strings.Split(p.sources[at.File], "\n")
	if at.Line < 1 || at.Line > len(lines) {
		return ""
	}
	return strings.TrimSuffix(lines[at.Line-1], "\r")
}

// at fills in where d is.
func (p *program) at(stage diag.Stage, pos Position, d *diag.Diagnostic) *diag.Diagnostic {
	d.Stage, d.Severity, d.Pos, d.Line = stage, diag.Error, pos, p.line(pos)
	return d
}

// diagnose turns whatever came out of Starlark into a Diagnostic, or a List of them. An error that already knows where
// it is stays as it is, with what was wrapped around it.
func (p *program) diagnose(stage diag.Stage, t *starlark.Thread, err error) error {
	var (
		syn  syntax.Error
		res  resolve.ErrorList
		eval *starlark.EvalError
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &syn):
		return p.at(stage, p.position(syn.Pos), diag.New("syntax-error", "%s", syn.Msg))
	case errors.As(err, &res):
		return p.unresolved(stage, res)
	case !errors.As(err, &eval):
		return err
	}
	if all := diag.All(err); len(all) > 0 && all[0].Pos.Line > 0 {
		return eval.Unwrap()
	}
	d := reason(envOf(t), eval)
	pos, frames := p.where(eval.CallStack)
	d.Trace = frames
	return p.at(stage, pos, d)
}

func (p *program) unresolved(stage diag.Stage, errs resolve.ErrorList) error {
	var list diag.List
	for _, e := range errs {
		d := withHint("invalid-syntax-here", e.Msg)
		if name, ok := strings.CutPrefix(d.Message, "undefined: "); ok {
			d.Code = "unknown-name"
			if len(d.Hints) == 0 { // Starlark looks only at the names of the file
				d.Hint(diag.DidYouMean(name, p.names))
			}
		}
		list = append(list, p.at(stage, p.position(e.Pos), d))
	}
	return list.Or()
}

// reason is the Diagnostic for what ended an evaluation, still without a position.
func reason(e *env, eval *starlark.EvalError) *diag.Diagnostic {
	if stop := e.stop.Load(); stop != nil && strings.HasPrefix(eval.Msg, "Starlark computation cancelled") {
		return stop
	}
	cause := eval.Unwrap()
	var (
		d       *diag.Diagnostic
		refusal *Refusal
		site    *SiteError
	)
	switch {
	case errors.As(cause, &d):
		known := *d
		return &known
	case errors.As(cause, &refusal):
		d = diag.New(refusal.Code, "%s", refusal.Message).Hint(refusal.Fix)
		d.Doc, d.Err = refusal.Doc, refusal
	case errors.As(cause, &site):
		d = diag.New("site-refused", "%s", site.Error())
		d.Err = cause
	default:
		d = withHint("script-error", eval.Msg)
		d.Err = cause
	}
	return d
}

var suggestion = regexp.MustCompile(`^(.*) \(did you mean \.?(\w+)\?\)$`)

// withHint moves Starlark's own suggestion out of the message.
func withHint(code, msg string) *diag.Diagnostic {
	if m := suggestion.FindStringSubmatch(msg); m != nil {
		return diag.New(code, "%s", m[1]).Hint(fmt.Sprintf("did you mean %q?", m[2]))
	}
	return diag.New(code, "%s", msg)
}
