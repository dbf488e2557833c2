package dsl

import (
	"errors"
	"path/filepath"
	"strings"

	"github.com/rehearse-dev/rehearse/dsl/diag"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// Dialect is the language: Starlark's defaults and sets. There is no while, no recursion, and at top level no control
// flow and no reassignment.
var Dialect = &syntax.FileOptions{Set: true}

// module is one file, loaded.
type module struct {
	label   string
	file    string // as positions name it
	ld      *loading
	globals starlark.StringDict
	err     error
	loads   []*module // that it loads itself
	tree    *syntax.File

	// What was declared while it was executed.
	runbooks  []*Runbook
	worlds    []*World
	scenarios []*Scenario
	suite     *Suite // nil: none
}

// exec parses, checks and runs the file, and freezes what it defines.
func (m *module) exec() error {
	name, source, err := m.ld.read(m.label)
	if err != nil {
		return err
	}
	m.file = name
	m.ld.record(m.label, name, source)
	p := m.ld.prog
	t := p.thread(m.label, &env{module: m})
	t.Load = m.load
	names := predeclared()
	f, err := Dialect.Parse(name, source, 0)
	if err != nil {
		return p.diagnose(diag.Load, t, err)
	}
	m.tree = f
	prog, err := starlark.FileProgram(f, names.Has)
	if err != nil {
		return p.diagnose(diag.Load, t, err)
	}
	defer grant(t)()
	m.globals, err = prog.Init(t, names)
	m.globals.Freeze()
	return p.diagnose(diag.Load, t, err)
}

// load serves the load statements of the file. An error inside of what is loaded keeps its place there; the trace shows
// how it was reached.
func (m *module) load(t *starlark.Thread, ref string) (starlark.StringDict, error) {
	full, err := labelOf(m.label, ref)
	if err != nil {
		return nil, err
	}
	loaded, err := m.ld.module(full)
	if err == nil {
		m.loads = append(m.loads, loaded)
		return loaded.exported(), nil
	}
	var d *diag.Diagnostic
	if errors.As(err, &d) && len(diag.All(err)) == 1 && d.Pos.Line > 0 {
		pos, _ := m.ld.prog.where(t.CallStack())
		outer := *d
		outer.Trace = append([]diag.Frame{{Func: "load of " + full, Pos: pos}}, d.Trace...)
		return nil, &outer
	}
	return nil, err
}

// exported are the names that other files may load.
func (m *module) exported() starlark.StringDict {
	names := starlark.StringDict{}
	for name, v := range m.globals {
		if !strings.HasPrefix(name, "_") {
			names[name] = v
		}
	}
	return names
}

// declaresOne refuses a file that declares none or several of what.
func (m *module) declaresOne(what string, n int, example string) error {
	if n == 1 {
		return nil
	}
	d := diag.New("declares-one", "the file declares %d %ss, want one", n, what).Hint("write " + example + " at top level")
	return m.ld.prog.at(diag.Load, Position{File: m.file}, d)
}

// dir is the absolute directory of the file; of the standard library it is the root.
func (m *module) dir() string {
	return filepath.Join(m.ld.root, filepath.FromSlash(filepath.Dir(strings.TrimPrefix(m.label, "//"))))
}
