package lint

import (
	"slices"

	"go.starlark.net/syntax"
)

// use is one place where an id is written, with what stands around it: the outermost first.
type use struct {
	at     syntax.Node
	around []syntax.Node
}

func duplicateID(f *file, say report) {
	seen := map[string][]use{}
	var around []syntax.Node
	syntax.Walk(f.tree, func(n syntax.Node) bool {
		if n == nil {
			around = around[:len(around)-1]
			return false
		}
		if call, ok := n.(*syntax.CallExpr); ok {
			if at, id, ok := idOf(call, f.builtins[nameOf(call.Fn)]); ok {
				u := use{at, slices.Clone(around)}
				if u.looped() {
					say(at, "id %q is used each time the loop goes round", id).
						Hint("make it of what the loop goes over: \"" + id + "-%s\" % name")
				}
				for _, other := range seen[id] {
					if u.function() == other.function() && !u.excludes(other) {
						pos := syntax.Start(other.at)
						say(at, "id %q is taken at line %d", id, pos.Line)
						break
					}
				}
				seen[id] = append(seen[id], u)
			}
		}
		around = append(around, n)
		return true
	})
}

// function is the innermost function around, nil at top level.
func (u use) function() syntax.Node {
	for _, n := range slices.Backward(u.around) {
		switch n.(type) {
		case *syntax.DefStmt, *syntax.LambdaExpr:
			return n
		}
	}
	return nil
}

// looped reports whether a loop stands between the use and its function.
func (u use) looped() bool {
	for _, n := range slices.Backward(u.around) {
		switch n.(type) {
		case *syntax.ForStmt, *syntax.Comprehension:
			return true
		case *syntax.DefStmt, *syntax.LambdaExpr:
			return false
		}
	}
	return false
}

// excludes reports whether two uses stand in two branches of one if.
func (u use) excludes(v use) bool {
	for _, n := range u.around {
		branch, ok := n.(*syntax.IfStmt)
		if ok && slices.Contains(v.around, n) && inElse(branch, u.at) != inElse(branch, v.at) {
			return true
		}
	}
	return false
}

func inElse(branch *syntax.IfStmt, n syntax.Node) bool {
	at, other := syntax.Start(n), branch.ElsePos
	return other.IsValid() && (at.Line > other.Line || at.Line == other.Line && at.Col > other.Col)
}
