package archtest

import (
	"go/ast"
	"path"
	"slices"
	"strings"
	"testing"
)

// A file or package with one of these names says nothing about what is in it.
var vague = []string{"common", "helper", "helpers", "misc", "types", "util", "utils"}

func TestNamesSayWhatIsInside(t *testing.T) {
	for _, s := range tree(t) {
		name := strings.TrimSuffix(strings.TrimSuffix(path.Base(s.path), ".go"), "_test")
		if slices.Contains(vague, name) || slices.Contains(vague, s.ast.Name.Name) {
			t.Errorf("%s: name it after the concept that is in it", s.path)
		}
	}
}

// silent are the packages that say nothing, with the reason.
var silent = map[string]string{}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	said, seen := map[string]bool{}, map[string]bool{}
	for _, s := range tree(t) {
		if s.test() {
			continue
		}
		seen[s.dir()] = true
		said[s.dir()] = said[s.dir()] || s.ast.Doc != nil
	}
	for dir := range seen {
		if _, ok := silent[dir]; !said[dir] && !ok {
			t.Errorf("%s: no package comment", dir)
		}
	}
	for dir := range silent {
		if said[dir] || !seen[dir] {
			t.Errorf("%s: has a package comment, or is gone: remove it from the table", dir)
		}
	}
}

// fidelity are the headings of a fake's package comment, in order.
var fidelity = []string{"Models:", "Simplifies:", "Omits:", "Source:"}

func TestFakesSayWhatTheyAreNot(t *testing.T) {
	fakes := map[string]string{}
	for _, s := range tree(t) {
		if s.test() || path.Dir(s.dir()) != "fakes" || s.dir() == "fakes/fakekit" {
			continue
		}
		if _, ok := fakes[s.dir()]; !ok || s.ast.Doc != nil {
			fakes[s.dir()] = s.ast.Doc.Text()
		}
	}
	if len(fakes) == 0 {
		t.Fatal("got no fakes")
	}
	for dir, doc := range fakes {
		from := 0
		for _, heading := range fidelity {
			i := strings.Index(doc[from:], "\n"+heading)
			if i < 0 {
				t.Errorf("%s: the package comment has no %q, or not in the order %v", dir, heading, fidelity)
				break
			}
			from += i + 1
		}
	}
}

func functions(s source) []*ast.FuncDecl {
	var l []*ast.FuncDecl
	for _, d := range s.ast.Decls {
		if f, ok := d.(*ast.FuncDecl); ok {
			l = append(l, f)
		}
	}
	return l
}
