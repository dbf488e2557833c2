package lint

import (
	"github.com/rehearse-dev/rehearse/dsl"
	"go.starlark.net/syntax"
)

func waitWithoutTimeout(f *file, say report) {
	f.calls(func(call *syntax.CallExpr, b dsl.Builtin) {
		if b.Name != "ctx.wait" {
			return
		}
		if v, all := keyword(call, "timeout"); v == nil && all {
			say(call, "the wait has no timeout").Hint(`add timeout = "30m", of site time`)
		}
	})
}
