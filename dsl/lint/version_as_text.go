package lint

import (
	"regexp"
	"slices"
	"strings"

	"go.starlark.net/syntax"
)

var (
	versionLiteral = regexp.MustCompile(`^v?\d+\.\d+(\.\d+)?([-+].*)?$`)
	comparisons    = []syntax.Token{syntax.EQL, syntax.NEQ, syntax.LT, syntax.LE, syntax.GT, syntax.GE}
)

func versionAsText(f *file, say report) {
	syntax.Walk(f.tree, func(n syntax.Node) bool {
		e, ok := n.(*syntax.BinaryExpr)
		if !ok || !slices.Contains(comparisons, e.Op) {
			return true
		}
		for _, side := range []syntax.Expr{e.X, e.Y} {
			ordered := e.Op != syntax.EQL && e.Op != syntax.NEQ
			if s, ok := text(side); ok && versionLiteral.MatchString(s) {
				say(side, "a version is compared as text").Hint("compare version(" + s + ") with a version")
				return true
			}
			if ordered && readsVersion(side) {
				say(side, "a version is compared as text").Hint("wrap both sides in version(…)")
				return true
			}
		}
		return true
	})
}

// readsVersion reports whether an expression takes the text of a version out of an object.
func readsVersion(e syntax.Expr) bool {
	var key syntax.Expr
	switch e := e.(type) {
	case *syntax.IndexExpr:
		key = e.Y
	case *syntax.CallExpr:
		if nameOf(e.Fn) == "field" && len(e.Args) > 1 {
			key = e.Args[1]
		}
	}
	s, ok := text(key)
	return ok && strings.HasSuffix(strings.ToLower(s), "version")
}
