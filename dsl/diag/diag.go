// Package diag says what is wrong with a script, and where.
//
// A Diagnostic carries the position, the source line, the Starlark backtrace and what to do next; Text renders it with
// a caret. Whatever package dsl returns for a mistake in a script is one Diagnostic or a List of them, so callers need
// errors.As and nothing else; Invalid tells a script that could not start from one that failed on the way.
//
// The package imports no Starlark and nothing else of this project.
package diag

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Position is where in a script something stands; Line and Col count from 1, Col in characters. The zero Position is
// nowhere.
type Position struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Col  int    `json:"col"`
}

func (p Position) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Col == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Stage is how far a script had come when the problem showed.
type Stage string

const (
	Load Stage = "load" // the file could not be loaded; nothing was started
	Bind Stage = "bind" // its parameters do not fit; nothing was started
	Run  Stage = "run"  // while it ran
	Lint Stage = "lint" // a remark of the linter
)

// Severity tells a problem that stops from one that only deserves a look.
type Severity string

const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Frame is one call of a Starlark backtrace.
type Frame struct {
	Func string   `json:"func"`
	Pos  Position `json:"pos"`
}

// Diagnostic is one problem in a script, told to the person who wrote it.
type Diagnostic struct {
	Code     string   `json:"code"` // stable: kebab-case, or RLnnn from the linter
	Stage    Stage    `json:"stage"`
	Severity Severity `json:"severity"` // zero: Error
	Pos      Position `json:"pos"`
	Line     string   `json:"line,omitempty"` // the source line at Pos
	Message  string   `json:"message"`
	Hints    []string `json:"hints,omitempty"` // each an action, best a command that can be pasted
	Doc      string   `json:"doc,omitempty"`   // where the rule comes from
	Trace    []Frame  `json:"trace,omitempty"` // outermost call first, builtins left out
	Err      error    `json:"-"`               // the cause, for errors.Is and errors.As
}

// New is a Diagnostic that does not know its position yet; whoever catches it fills that in.
func New(code, format string, args ...any) *Diagnostic {
	return &Diagnostic{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Hint adds an action and returns d. An empty hint is left out.
func (d *Diagnostic) Hint(action string) *Diagnostic {
	if action != "" {
		d.Hints = append(d.Hints, action)
	}
	return d
}

// Error is one line: position, code, message.
func (d *Diagnostic) Error() string {
	var b strings.Builder
	if d.Pos != (Position{}) {
		fmt.Fprintf(&b, "%s: ", d.Pos)
	}
	if d.Code != "" {
		fmt.Fprintf(&b, "%s: ", d.Code)
	}
	b.WriteString(d.Message)
	return b.String()
}

func (d *Diagnostic) Unwrap() error { return d.Err }

// List is several problems found at once. It is never empty when returned as an error.
type List []*Diagnostic

func (l List) Error() string {
	lines := make([]string, len(l))
	for i, d := range l {
		lines[i] = d.Error()
	}
	return strings.Join(lines, "\n")
}

func (l List) Unwrap() []error {
	errs := make([]error, len(l))
	for i, d := range l {
		errs[i] = d
	}
	return errs
}

// Or is nil for an empty list, the Diagnostic of a list of one, else the list.
func (l List) Or() error {
	switch len(l) {
	case 0:
		return nil
	case 1:
		return l[0]
	}
	return l
}

// Sort orders the list by file, line, column and code.
func (l List) Sort() {
	slices.SortStableFunc(l, func(a, b *Diagnostic) int {
		return cmp.Or(cmp.Compare(a.Pos.File, b.Pos.File), cmp.Compare(a.Pos.Line, b.Pos.Line),
			cmp.Compare(a.Pos.Col, b.Pos.Col), cmp.Compare(a.Code, b.Code))
	})
}

// All returns every Diagnostic that err consists of, joined errors included; none when it holds none.
func All(err error) []*Diagnostic {
	if d, ok := err.(*Diagnostic); ok {
		return []*Diagnostic{d}
	}
	switch err := err.(type) {
	case interface{ Unwrap() error }:
		return All(err.Unwrap())
	case interface{ Unwrap() []error }:
		var all []*Diagnostic
		for _, e := range err.Unwrap() {
			all = append(all, All(e)...)
		}
		return all
	}
	return nil
}

// Invalid reports whether err says that a script or its parameters are wrong, so that nothing was started.
func Invalid(err error) bool {
	all := All(err)
	return len(all) > 0 && (all[0].Stage == Load || all[0].Stage == Bind)
}
