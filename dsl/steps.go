package dsl

import (
	"regexp"
	"slices"
	"strings"

	"go.starlark.net/syntax"
)

// StepID is what the source of a runbook says about the id of a step, wait, gate or manual. Ids may be made while the
// runbook runs ("workers-" + md.name), so it is a pattern in which * stands for any text.
type StepID struct {
	Kind    string // step, wait, gate, manual; "" when the source does not say
	Pattern string
	Pos     Position
}

// Matches tells whether a step of that source may have the id.
func (s StepID) Matches(id string) bool {
	parts := strings.Split(s.Pattern, "*")
	for i, p := range parts {
		parts[i] = regexp.QuoteMeta(p)
	}
	ok, err := regexp.MatchString("^"+strings.Join(parts, ".*")+"$", id)
	return err == nil && ok
}

// StepIDs are the ids that the runbook may use, in the order of its files: those of every call of step, wait, gate and
// manual in its own file and in all that it loads, whoever the method is called on. A method that is not called where it
// is named, or is looked up by its name, may have any id; the standard library does no such thing.
func (rb *Runbook) StepIDs() []StepID {
	var all []StepID
	for _, m := range rb.module.closure(nil) {
		if m.tree == nil {
			continue
		}
		called := map[syntax.Expr]bool{}
		syntax.Walk(m.tree, func(n syntax.Node) bool {
			switch n := n.(type) {
			case *syntax.CallExpr:
				if dot, ok := n.Fn.(*syntax.DotExpr); ok && slices.Contains(conducts, dot.Name.Name) {
					called[dot] = true
					all = append(all, StepID{dot.Name.Name, idPattern(n), rb.prog.position(dot.NamePos)})
				}
				if id, ok := n.Fn.(*syntax.Ident); ok && id.Name == "getattr" && !isEmbedded(m.label) {
					all = append(all, StepID{"", "*", rb.prog.position(id.NamePos)})
				}
			case *syntax.DotExpr:
				if slices.Contains(conducts, n.Name.Name) && !called[n] {
					all = append(all, StepID{n.Name.Name, "*", rb.prog.position(n.NamePos)})
				}
			}
			return true
		})
	}
	return all
}

// conducts are the methods of ctx that have an id.
var conducts = []string{"gate", "manual", "step", "wait"}

// idPattern is the pattern of the id that a call is given.
func idPattern(call *syntax.CallExpr) string {
	for _, arg := range call.Args {
		if b, ok := arg.(*syntax.BinaryExpr); ok && b.Op == syntax.EQ {
			if name, ok := b.X.(*syntax.Ident); ok && name.Name == "id" {
				return pattern(b.Y)
			}
		}
	}
	if len(call.Args) == 0 {
		return "*"
	}
	switch arg := call.Args[0].(type) {
	case *syntax.UnaryExpr: // *args
		return "*"
	case *syntax.BinaryExpr:
		if arg.Op == syntax.EQ {
			return "*" // keywords alone, the id among **kwargs
		}
	}
	return pattern(call.Args[0])
}

var verb = regexp.MustCompile(`%(\([^)]*\))?[a-zA-Z]`)

// pattern is what can be said of a text by its expression.
func pattern(e syntax.Expr) string {
	switch e := e.(type) {
	case *syntax.ParenExpr:
		return pattern(e.X)
	case *syntax.Literal:
		if s, ok := e.Value.(string); ok && e.Token == syntax.STRING {
			return s
		}
	case *syntax.BinaryExpr:
		if e.Op == syntax.PLUS {
			return pattern(e.X) + pattern(e.Y)
		}
		if lit, ok := e.X.(*syntax.Literal); ok && e.Op == syntax.PERCENT && lit.Token == syntax.STRING {
			return verb.ReplaceAllString(lit.Value.(string), "*")
		}
	}
	return "*"
}

// Ids of what a rollback does: an undo and its wait bear the id of the step that is undone.
const (
	UndoPrefix   = "undo/"
	UndonePrefix = "undone/"
)

// UndoneID is the id of the step that a rollback undoes, or waits for, in a step that is called so; any other id is its
// own.
func UndoneID(id string) string {
	for _, prefix := range []string{UndoPrefix, UndonePrefix} {
		if rest, ok := strings.CutPrefix(id, prefix); ok {
			return rest
		}
	}
	return id
}
