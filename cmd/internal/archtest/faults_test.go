package archtest

import (
	"go/ast"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rehearse-dev/rehearse/sim/fault"
)

// onTwins are where tests strike a twin with a fault. Those of sim/fault play the site, so they show no symptom.
var onTwins = []string{"sim", "cmd/internal/rehearsal"}

// A fault that no test has seen on a twin is a promise of its row and no more.
func TestEachFaultIsInjectedIntoATwin(t *testing.T) {
	struck := map[string]bool{}
	for _, s := range tree(t) {
		if !s.test() || !slices.Contains(onTwins, s.dir()) {
			continue
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				text, _ := strconv.Unquote(l.Value)
				id, _, _ := strings.Cut(text, ":")
				struck[id] = true
			}
			return true
		})
	}
	for _, id := range fault.IDs() {
		if !struck[id] {
			t.Errorf("fault %s: got no test in %s, want one that injects it, sees its symptom and heals it", id, strings.Join(onTwins, " or "))
		}
	}
}
