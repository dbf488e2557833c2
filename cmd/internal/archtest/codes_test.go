package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.starlark.net/syntax"

	"github.com/rehearse-dev/rehearse/cmd/internal/catalogue"
)

// Whoever reads a code can ask what it means: each that our own scripts and the runner stop with has a row, and each that
// is said of a file that cannot be loaded.
func TestEveryCodeHasARow(t *testing.T) {
	used := map[string]string{}
	for _, dir := range []string{"dsl/stdlib", "scenarios"} {
		maps.Copy(used, starlarkCodes(t, dir))
	}
	maps.Copy(used, goCodes(t, func(path string) bool {
		ours := []string{"cmd/internal/rehearsal/", "cmd/internal/suite/", "cmd/rehearse/", "dsl/", "runner/"}
		return slices.ContainsFunc(ours, func(dir string) bool { return strings.HasPrefix(path, dir) }) &&
			!strings.HasPrefix(path, "dsl/lint/") // rules, which rehearse lint names with what to do
	}))
	rows := map[string]bool{}
	for i, c := range catalogue.Codes {
		rows[c.ID] = true
		if i > 0 && catalogue.Codes[i-1].ID >= c.ID {
			t.Errorf("%s stands after %s", c.ID, catalogue.Codes[i-1].ID)
		}
		if !kebab.MatchString(c.ID) || slices.Contains([]string{c.Means, c.Recovery, c.Source}, "") {
			t.Errorf("%s: got %+v, want a kebab-case id, and what it means, the recovery and the source", c.ID, c)
		}
	}
	for code, where := range used {
		if !rows[code] {
			t.Errorf("%s: code %q is not in the table: add a row to cmd/internal/catalogue/codes.go", where, code)
		}
	}
	for id := range rows {
		if used[id] == "" {
			t.Errorf("code %q is in cmd/internal/catalogue/codes.go, and nothing uses it", id)
		}
	}
	if len(used) < 80 {
		t.Errorf("got %d codes, want those of the runbooks, the standard library, the language and the runner", len(used))
	}
}

func TestInvariantsSayWhatToDo(t *testing.T) {
	for _, e := range catalogue.All() {
		if e.Short == "" || slices.ContainsFunc(e.Facts, func(f catalogue.Fact) bool { return f.Text == "" }) {
			t.Errorf("%s %s: got an empty text in %+v", e.Kind, e.ID, e.Facts)
		}
	}
}

// starlarkCodes is the codes of the scripts below a directory, with a place of each.
func starlarkCodes(t *testing.T, dir string) map[string]string {
	t.Helper()
	s := codeScan{names: map[string]bool{"code": true}, found: map[string]string{}}
	var files []*syntax.File
	err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".star" {
			return err
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		f, err := syntax.Parse(strings.TrimPrefix(path, root+"/"), src, 0)
		files = append(files, f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for before := -1; before < len(s.names); { // until no other name turns out to stand for a code
		before = len(s.names)
		for _, f := range files {
			s.file(f)
		}
	}
	return s.found
}

// codeScan follows what is given as code= back to its literals: through variables, parameters, the keyword arguments and
// the places of their calls, conditions and dicts. It goes by names alone, whatever their scope.
type codeScan struct {
	names map[string]bool   // that stand for a code
	found map[string]string // code to place
}

func (s *codeScan) file(f *syntax.File) {
	at := map[string][]int{} // function to the places of its parameters that are codes
	syntax.Walk(f, func(n syntax.Node) bool {
		if d, ok := n.(*syntax.DefStmt); ok {
			for i, p := range d.Params {
				if x, ok := p.(*syntax.Ident); ok && s.names[x.Name] {
					at[d.Name.Name] = append(at[d.Name.Name], i)
				}
			}
		}
		return true
	})
	syntax.Walk(f, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CallExpr:
			s.call(n, at)
		case *syntax.AssignStmt:
			if x, ok := n.LHS.(*syntax.Ident); ok && s.names[x.Name] {
				s.code(n.RHS)
			}
		}
		return true
	})
}

func (s *codeScan) call(c *syntax.CallExpr, at map[string][]int) {
	fn, _ := c.Fn.(*syntax.Ident)
	for i, arg := range c.Args {
		if b, ok := arg.(*syntax.BinaryExpr); ok && b.Op == syntax.EQ {
			if x, ok := b.X.(*syntax.Ident); ok && s.names[x.Name] {
				s.code(b.Y)
			}
			continue
		}
		if fn != nil && slices.Contains(at[fn.Name], i) {
			s.code(arg)
		}
	}
}

// code is an expression whose value is a code.
func (s *codeScan) code(e syntax.Expr) {
	switch e := e.(type) {
	case *syntax.Literal:
		if text, ok := e.Value.(string); ok && text != "" {
			s.found[text] = e.TokenPos.String()
		}
	case *syntax.Ident:
		s.names[e.Name] = true
	case *syntax.ParenExpr:
		s.code(e.X)
	case *syntax.CondExpr:
		s.code(e.True)
		s.code(e.False)
	case *syntax.BinaryExpr: // a or b
		s.code(e.X)
		s.code(e.Y)
	case *syntax.IndexExpr:
		s.code(e.X)
	case *syntax.DictExpr:
		for _, x := range e.List {
			s.code(x.(*syntax.DictEntry).Value)
		}
	}
}

// goCodes is the codes of Go files, with a place of each: fields of that name, and the first arguments of what makes a
// diagnostic; what comes in the place of a code that is not given.
func goCodes(t *testing.T, in func(path string) bool) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, s := range tree(t) {
		if s.test() || !in(s.path) {
			continue
		}
		add := func(e ast.Expr) {
			if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
				if code, err := strconv.Unquote(l.Value); err == nil && kebab.MatchString(code) {
					found[code] = fmt.Sprintf("%s:%d", s.path, s.line(l))
				}
			}
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.KeyValueExpr:
				if isCode(n.Key) {
					add(n.Value)
				}
			case *ast.AssignStmt:
				for i, l := range n.Lhs {
					if isCode(l) && i < len(n.Rhs) {
						add(n.Rhs[i])
					}
				}
			case *ast.CallExpr:
				name := nameOf(n.Fun)
				switch {
				case len(n.Args) > 0 && (slices.Contains([]string{"errorf", "refused", "withHint"}, name) || name == "New" && isDiag(n.Fun)):
					add(n.Args[0])
				case len(n.Args) > 1 && isCode(n.Args[0]): // orElse(p.Code, "timeout")
					add(n.Args[1])
				}
			}
			return true
		})
	}
	return found
}

func isDiag(e ast.Expr) bool {
	s, ok := e.(*ast.SelectorExpr)
	return ok && nameOf(s.X) == "diag"
}

func isCode(e ast.Expr) bool { return strings.EqualFold(nameOf(e), "code") }

func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}
