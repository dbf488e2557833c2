package lint

import (
	"github.com/rehearse-dev/rehearse/dsl"
	"go.starlark.net/syntax"
)

func requireWithoutCode(f *file, say report) {
	f.calls(func(call *syntax.CallExpr, b dsl.Builtin) {
		if b.Name != "require" || len(call.Args) > 2 && !isPair(call.Args[2]) {
			return
		}
		if v, all := keyword(call, "code"); v == nil && all {
			say(call, "the refusal has no code").Hint(`add code = "what-is-wrong"`)
		}
	})
}

// isPair reports whether an argument is given by keyword.
func isPair(arg syntax.Expr) bool {
	pair, ok := arg.(*syntax.BinaryExpr)
	return ok && pair.Op == syntax.EQ
}
