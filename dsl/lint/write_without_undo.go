package lint

import (
	"github.com/rehearse-dev/rehearse/dsl"
	"go.starlark.net/syntax"
)

func writeWithoutUndo(f *file, say report) {
	f.calls(func(call *syntax.CallExpr, b dsl.Builtin) {
		if b.Name != "ctx.step" {
			return
		}
		risk, all := keyword(call, "risk")
		undo, _ := keyword(call, "undo")
		level, literal := text(risk)
		if !all || risk != nil && !literal {
			return
		}
		switch {
		case level == "read" && undo != nil:
			say(undo, "a step that only reads has no undo")
		case level != "read" && undo == nil:
			say(call, "the step writes and does not say how it is undone").
				Hint(`add undo = a function of (site), rollback(…), "keep" or one_way("reason"); or risk = "read"`)
		}
	})
}
