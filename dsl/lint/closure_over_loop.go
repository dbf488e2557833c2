package lint

import (
	"go.starlark.net/resolve"
	"go.starlark.net/syntax"
)

func closureOverLoop(f *file, say report) {
	syntax.Walk(f.tree, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.ForStmt:
			bound := boundIn(n.Vars)
			for _, s := range n.Body {
				bound = append(bound, assignedIn(s)...)
			}
			for _, s := range n.Body {
				closures(s, bound, say)
			}
		case *syntax.Comprehension:
			var bound []*resolve.Binding
			for _, clause := range n.Clauses {
				if c, ok := clause.(*syntax.ForClause); ok {
					bound = append(bound, boundIn(c.Vars)...)
				}
			}
			closures(n.Body, bound, say)
		}
		return true
	})
}

// closures reports the functions under n that use one of the bindings.
func closures(n syntax.Node, bound []*resolve.Binding, say report) {
	syntax.Walk(n, func(n syntax.Node) bool {
		var fn *resolve.Function
		switch n := n.(type) {
		case *syntax.DefStmt:
			fn, _ = n.Function.(*resolve.Function)
		case *syntax.LambdaExpr:
			fn, _ = n.Function.(*resolve.Function)
		}
		if fn == nil {
			return true
		}
		for _, free := range fn.FreeVars {
			for _, b := range bound {
				if free.First == b.First {
					say(n, "the function uses %s, which has its last value when it is called", b.First.Name).
						Hint("make it with a function that takes " + b.First.Name + " as a parameter")
				}
			}
		}
		return false
	})
}

// boundIn are the bindings of the names in an assignment's left side.
func boundIn(e syntax.Node) []*resolve.Binding {
	var all []*resolve.Binding
	syntax.Walk(e, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Ident:
			if b, ok := n.Binding.(*resolve.Binding); ok && b.First != nil {
				all = append(all, b)
			}
		case *syntax.IndexExpr, *syntax.DotExpr:
			return false
		}
		return true
	})
	return all
}

// assignedIn are the bindings that a statement assigns, outside of functions in it.
func assignedIn(s syntax.Stmt) []*resolve.Binding {
	var all []*resolve.Binding
	syntax.Walk(s, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.AssignStmt:
			all = append(all, boundIn(n.LHS)...)
		case *syntax.DefStmt, *syntax.LambdaExpr:
			return false
		}
		return true
	})
	return all
}
