package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/dsl/diag"
	"github.com/rehearse-dev/rehearse/dsl/lint"
)

var example = regexp.MustCompile("(?ms)^```python\n(.*?)^```$")

func TestExamplesOfTheLanguageAreClean(t *testing.T) {
	page, err := language(root)
	if err != nil {
		t.Fatal(err)
	}
	examples := example.FindAllSubmatch(page, -1)
	if len(examples) < 3 {
		t.Fatalf("got %d examples, want a runbook, a world and more", len(examples))
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "prod-a"), 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "example.star")
	for _, e := range examples {
		if err := os.WriteFile(file, e[1], 0o600); err != nil {
			t.Fatal(err)
		}
		if found := lint.File(file); len(found) > 0 {
			t.Errorf("%s\n%s", e[1], diag.Text(found))
		}
	}
}

func TestModuleShowsWhatItsUsersLoad(t *testing.T) {
	tree, err := dsl.Dialect.Parse("x.star", `"""X.

    more
"""

load("//y.star", "y")

LIMIT = 3
KIND = "Thing"

def _get(site, name, *labels, namespace = "a", default = None, **more):
    """Gets
    it."""
    return y

def helper(): return 1

def _hidden(): return 1

x = struct(KIND = KIND, get = _get, all = [])
`, 0)
	if err != nil {
		t.Fatal(err)
	}
	m := moduleOf(tree)
	if want := "X.\n\n    more\n"; m.doc != want {
		t.Errorf("got text %q, want %q", m.doc, want)
	}
	var got []string
	for _, e := range m.exports {
		got = append(got, e.call+": "+oneLine(e.doc))
	}
	want := []string{"LIMIT = 3: ", "helper(): ", `x.KIND = "Thing": `,
		`x.get(site, name, *labels, namespace="a", default=None, **more): Gets it.`, "x.all: "}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
