package lint

import (
	"slices"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/dsl/diag"
	"go.starlark.net/syntax"
)

func unknownKeyword(f *file, say report) {
	f.calls(func(call *syntax.CallExpr, b dsl.Builtin) {
		names := b.Sig.Keywords()
		for _, arg := range call.Args {
			pair, ok := arg.(*syntax.BinaryExpr)
			if !ok || pair.Op != syntax.EQ {
				continue
			}
			if id, ok := pair.X.(*syntax.Ident); ok && !slices.Contains(names, id.Name) {
				say(id, "%s has no parameter %q", b.Name, id.Name).Hint(diag.DidYouMean(id.Name, names))
			}
		}
	})
}
