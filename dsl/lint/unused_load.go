package lint

import "go.starlark.net/syntax"

func unusedLoad(f *file, say report) {
	used := map[string]bool{}
	var loads []*syntax.LoadStmt
	syntax.Walk(f.tree, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.LoadStmt:
			loads = append(loads, n)
			return false
		case *syntax.Ident:
			used[n.Name] = true
		}
		return true
	})
	for _, l := range loads {
		for _, id := range l.To {
			if !used[id.Name] {
				say(id, "%s is loaded and not used", id.Name)
			}
		}
	}
}
