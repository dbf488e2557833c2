package main

import (
	"fmt"
	"io/fs"
	"strings"

	"go.starlark.net/syntax"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/dsl/stdlib"
)

// library is a section per file of the standard library: its comment, and what it exports.
func library() (string, error) {
	files, err := fs.Glob(stdlib.FS, "*.star")
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, name := range files {
		source, err := stdlib.FS.ReadFile(name)
		if err != nil {
			return "", err
		}
		tree, err := dsl.Dialect.Parse(name, source, 0)
		if err != nil {
			return "", err
		}
		m := moduleOf(tree)
		fmt.Fprintf(&b, "\n### %s\n\n%s\n", name, strings.TrimSpace(m.doc))
		for i, e := range m.exports {
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

// module is a file of the library as its users see it.
type module struct {
	doc     string
	exports []export
}

// export is a name that can be loaded, or a field of a struct that can.
type export struct{ call, doc string }

// moduleOf reads a file. What stands in a public struct is shown as its field, and not again by itself.
func moduleOf(tree *syntax.File) module {
	m := module{doc: docOf(tree.Stmts)}
	defs, values := map[string]*syntax.DefStmt{}, map[string]syntax.Expr{}
	var public []string
	for _, s := range tree.Stmts {
		name := ""
		switch s := s.(type) {
		case *syntax.DefStmt:
			name = s.Name.Name
			defs[name] = s
		case *syntax.AssignStmt:
			if id, ok := s.LHS.(*syntax.Ident); ok {
				name = id.Name
				values[name] = s.RHS
			}
		}
		if name != "" && !strings.HasPrefix(name, "_") {
			public = append(public, name)
		}
	}
	exported := func(shown, name string) export {
		switch def, literal := defs[name], literalOf(values[name]); {
		case def != nil:
			return export{shown + signature(def.Params), docOf(def.Body)}
		case literal != "":
			return export{shown + " = " + literal, ""}
		}
		return export{shown, ""}
	}
	inside := map[string]bool{}
	var alone []export
	for _, name := range public {
		for _, f := range fieldsOf(values[name]) {
			inside[f[1]] = true
			m.exports = append(m.exports, exported(name+"."+f[0], f[1]))
		}
	}
	for _, name := range public {
		if fieldsOf(values[name]) == nil && !inside[name] {
			alone = append(alone, exported(name, name))
		}
	}
	m.exports = append(alone, m.exports...)
	return m
}

// fieldsOf are the fields of a struct(…) with the names that they are set to; nil when it is something else.
func fieldsOf(e syntax.Expr) [][2]string {
	call, ok := e.(*syntax.CallExpr)
	if !ok {
		return nil
	}
	if fn, ok := call.Fn.(*syntax.Ident); !ok || fn.Name != "struct" {
		return nil
	}
	var l [][2]string
	for _, arg := range call.Args {
		set, ok := arg.(*syntax.BinaryExpr)
		if !ok || set.Op != syntax.EQ {
			continue
		}
		f := [2]string{set.X.(*syntax.Ident).Name}
		if id, ok := set.Y.(*syntax.Ident); ok {
			f[1] = id.Name
		}
		l = append(l, f)
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
