package lint

import (
	"github.com/rehearse-dev/rehearse/dsl"
	"go.starlark.net/resolve"
	"go.starlark.net/syntax"
)

// calls visits every call of a builtin. ctx and site are known by their names.
func (f *file) calls(visit func(*syntax.CallExpr, dsl.Builtin)) {
	syntax.Walk(f.tree, func(n syntax.Node) bool {
		if call, ok := n.(*syntax.CallExpr); ok {
			if b, ok := f.builtins[nameOf(call.Fn)]; ok {
				visit(call, b)
			}
		}
		return true
	})
}

// nameOf is what a builtin that is called so is named in the table, "" when it cannot be one.
func nameOf(fn syntax.Expr) string {
	if id, ok := fn.(*syntax.Ident); ok {
		if b, ok := id.Binding.(*resolve.Binding); ok && b.Scope == resolve.Predeclared {
			return id.Name
		}
		return ""
	}
	dot, ok := fn.(*syntax.DotExpr)
	if !ok {
		return ""
	}
	return ownerOf(dot.X) + "." + dot.Name.Name
}

// ownerOf is the type of what a method is called on.
func ownerOf(x syntax.Expr) string {
	switch x := x.(type) {
	case *syntax.Ident:
		if x.Name == "ctx" || x.Name == "site" || x.Name == "param" {
			return x.Name
		}
	case *syntax.CallExpr:
		if nameOf(x.Fn) == "site.workload" {
			return "kubernetes"
		}
	case *syntax.DotExpr:
		switch owner := ownerOf(x.X); {
		case owner == "site" && x.Name.Name == "management":
			return "kubernetes"
		case owner == "site":
			return x.Name.Name
		}
	}
	return ""
}

// keyword is the value of a keyword argument, nil when it is not given; all is false when ** may hold more.
func keyword(call *syntax.CallExpr, name string) (v syntax.Expr, all bool) {
	all = true
	for _, arg := range call.Args {
		switch arg := arg.(type) {
		case *syntax.BinaryExpr:
			if id, ok := arg.X.(*syntax.Ident); ok && arg.Op == syntax.EQ && id.Name == name {
				return arg.Y, true
			}
		case *syntax.UnaryExpr:
			all = all && arg.Op != syntax.STARSTAR
		}
	}
	return nil, all
}

// text is the value of a string literal.
func text(e syntax.Expr) (string, bool) {
	lit, ok := e.(*syntax.Literal)
	if !ok || lit.Token != syntax.STRING {
		return "", false
	}
	s, ok := lit.Value.(string)
	return s, ok
}

// idOf is the literal id of a ctx.step, wait, gate or manual.
func idOf(call *syntax.CallExpr, b dsl.Builtin) (syntax.Expr, string, bool) {
	switch b.Name {
	case "ctx.step", "ctx.wait", "ctx.gate", "ctx.manual":
	default:
		return nil, "", false
	}
	arg, _ := keyword(call, "id")
	if arg == nil && len(call.Args) > 0 {
		arg = call.Args[0]
	}
	id, ok := text(arg)
	return arg, id, ok
}
