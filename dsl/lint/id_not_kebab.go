package lint

import (
	"strings"

	"github.com/rehearse-dev/rehearse/dsl"
	"go.starlark.net/syntax"
)

func idNotKebab(f *file, say report) {
	f.calls(func(call *syntax.CallExpr, b dsl.Builtin) {
		at, id, ok := idOf(call, b)
		if !ok || dsl.IsKebab(id) {
			return
		}
		d := say(at, "got id %q, want kebab-case", id)
		if better := strings.ToLower(strings.NewReplacer("_", "-", " ", "-").Replace(id)); dsl.IsKebab(better) {
			d.Hint("write \"" + better + "\"")
		}
	})
}
