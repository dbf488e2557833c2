package main

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"go.starlark.net/syntax"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/dsl/stdlib"
)

// library is a section per file of the standard library: its comment, and what it exports.
func library() (string, error) {
	files, err := parseLibrary(stdlib.FS)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(&b, "\n### %s\n\n%s\n", name, strings.TrimSpace(files[name].doc))
		for i, e := range files.exports(name) {
			if i == 0 {
				b.WriteString("\n")
			}
			fmt.Fprintf(&b, "- `%s`", e.call)
			if e.doc != "" {
				fmt.Fprintf(&b, ": %s", oneLine(e.doc))
			}
			b.WriteString("\n")
		}
	}
	return b.String(), nil
}

// modules are the files of a library by name.
type modules map[string]*module

// module is a file: what it says of itself, and what its names are.
type module struct {
	doc    string
	names  []string // defined at top level, in order
	defs   map[string]*syntax.DefStmt
	values map[string]syntax.Expr
	loads  map[string]loaded
}

// loaded is a name of another file.
type loaded struct{ file, name string }

func parseLibrary(fsys fs.FS) (modules, error) {
	files, err := fs.Glob(fsys, "*.star")
	if err != nil {
		return nil, err
	}
	l := modules{}
	for _, name := range files {
		source, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		tree, err := dsl.Dialect.Parse(name, source, 0)
		if err != nil {
			return nil, err
		}
		l[name] = moduleOf(tree)
	}
	return l, nil
}

func moduleOf(tree *syntax.File) *module {
	m := &module{doc: docOf(tree.Stmts), defs: map[string]*syntax.DefStmt{}, values: map[string]syntax.Expr{}, loads: map[string]loaded{}}
	for _, s := range tree.Stmts {
		switch s := s.(type) {
		case *syntax.DefStmt:
			m.names = append(m.names, s.Name.Name)
			m.defs[s.Name.Name] = s
		case *syntax.AssignStmt:
			if id, ok := s.LHS.(*syntax.Ident); ok {
				m.names = append(m.names, id.Name)
				m.values[id.Name] = s.RHS
			}
		case *syntax.LoadStmt:
			file := strings.TrimPrefix(s.Module.Value.(string), "@rehearse//")
			for i, to := range s.To {
				m.loads[to.Name] = loaded{file, s.From[i].Name}
			}
		}
	}
	return m
}

// meaning is what a name stands for: a function, or an expression of a file; nothing when it is neither.
type meaning struct {
	def  *syntax.DefStmt
	expr syntax.Expr
	in   *module
}

// resolve follows names, loads and fields of structs.
func (l modules) resolve(in *module, e syntax.Expr) meaning {
	if in == nil {
		return meaning{}
	}
	switch e := e.(type) {
	case *syntax.Ident:
		if def := in.defs[e.Name]; def != nil {
			return meaning{def: def}
		}
		if v := in.values[e.Name]; v != nil {
			return l.resolve(in, v)
		}
		from := in.loads[e.Name]
		return l.resolve(l[from.file], &syntax.Ident{Name: from.name})
	case *syntax.DotExpr:
		owner := l.resolve(in, e.X)
		for _, f := range fieldsOf(owner.expr) {
			if f.name == e.Name.Name {
				return l.resolve(owner.in, f.value)
			}
		}
		return meaning{}
	}
	return meaning{expr: e, in: in}
}

// export is a name that can be loaded, or a field of a struct that can.
type export struct{ call, doc string }

// exports are the public names of a file. What stands in a public struct is shown as its field, and not again by itself.
func (l modules) exports(file string) []export {
	m := l[file]
	var alone, fields []export
	inside := map[string]bool{}
	for _, name := range m.names {
		if strings.HasPrefix(name, "_") {
			continue
		}
		owner := l.resolve(m, &syntax.Ident{Name: name})
		for _, f := range fieldsOf(owner.expr) {
			if id, ok := f.value.(*syntax.Ident); ok {
				inside[id.Name] = true
			}
			fields = append(fields, exported(name+"."+f.name, l.resolve(owner.in, f.value)))
		}
	}
	for _, name := range m.names {
		v := l.resolve(m, &syntax.Ident{Name: name})
		if !strings.HasPrefix(name, "_") && !inside[name] && fieldsOf(v.expr) == nil {
			alone = append(alone, exported(name, v))
		}
	}
	return append(alone, fields...)
}

// exported is a name as its users write it: a call, a literal, or the name alone.
func exported(name string, v meaning) export {
	switch literal := literalOf(v.expr); {
	case v.def != nil:
		return export{name + signature(v.def.Params), docOf(v.def.Body)}
	case literal != "":
		return export{name + " = " + literal, ""}
	}
	return export{name, ""}
}

// structField is an argument of struct(…).
type structField struct {
	name  string
	value syntax.Expr
}

// fieldsOf are the fields of a struct(…); nil when it is something else.
func fieldsOf(e syntax.Expr) []structField {
	call, ok := e.(*syntax.CallExpr)
	if !ok {
		return nil
	}
	if fn, ok := call.Fn.(*syntax.Ident); !ok || fn.Name != "struct" {
		return nil
	}
	var l []structField
	for _, arg := range call.Args {
		if set, ok := arg.(*syntax.BinaryExpr); ok && set.Op == syntax.EQ {
			l = append(l, structField{set.X.(*syntax.Ident).Name, set.Y})
		}
	}
	return l
}

// docOf is the text that a file or a function begins with.
func docOf(body []syntax.Stmt) string {
	if len(body) == 0 {
		return ""
	}
	if e, ok := body[0].(*syntax.ExprStmt); ok {
		if lit, ok := e.X.(*syntax.Literal); ok && lit.Token == syntax.STRING {
			return lit.Value.(string)
		}
	}
	return ""
}

func signature(params []syntax.Expr) string {
	var l []string
	for _, p := range params {
		l = append(l, param(p))
	}
	return "(" + strings.Join(l, ", ") + ")"
}

func param(p syntax.Expr) string {
	switch p := p.(type) {
	case *syntax.Ident:
		return p.Name
	case *syntax.UnaryExpr: // *args, **kwargs, or * alone
		if p.X == nil {
			return p.Op.String()
		}
		return p.Op.String() + param(p.X)
	case *syntax.BinaryExpr:
		return param(p.X) + "=" + byDefault(p.Y)
	}
	return "…"
}

func byDefault(e syntax.Expr) string {
	if id, ok := e.(*syntax.Ident); ok {
		return id.Name
	}
	if s := literalOf(e); s != "" {
		return s
	}
	return "…"
}

// literalOf is a text or a number as it is written, "" for everything else.
func literalOf(e syntax.Expr) string {
	if lit, ok := e.(*syntax.Literal); ok {
		return lit.Raw
	}
	return ""
}
