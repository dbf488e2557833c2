package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

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

// fieldOf is a field of a struct that the standard library exports, as an example uses it.
var fieldOf = regexp.MustCompile(`\b(acp|capi|k8s|kubeovn|matrix|progress|vsphere)\.(\w+)\b[^"]`)

// The linter does not look into structs.
func TestExamplesUseWhatTheLibraryHas(t *testing.T) {
	known, err := library()
	if err != nil {
		t.Fatal(err)
	}
	page, err := language(root)
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, e := range example.FindAllSubmatch(append(page, readme...), -1) {
		for _, m := range fieldOf.FindAllStringSubmatch(string(e[1]), -1) {
			n++
			if name := "`" + m[1] + "." + m[2]; !strings.Contains(known, name+"(") && !strings.Contains(known, name+" ") && !strings.Contains(known, name+"`") {
				t.Errorf("an example uses %s.%s, which the standard library does not have", m[1], m[2])
			}
		}
	}
	if n < 5 {
		t.Errorf("got %d uses of the standard library, want those of the README and of the page", n)
	}
}

func TestModulesShowWhatTheirUsersLoad(t *testing.T) {
	l, err := parseLibrary(fstest.MapFS{
		"x.star": {Data: []byte(`"""X.

    more
"""

load("@rehearse//y.star", "y", far = "LIMIT")

LIMIT = 3
KIND = "Thing"

def _get(site, name, *labels, namespace = "a", default = None, **more):
    """Gets
    it."""
    return y

def alone(): return 1

def _hidden(): return 1

x = struct(KIND = KIND, get = _get, all = [], put = y.put, far = far, gone = y.gone, word = "a")
`)},
		"y.star": {Data: []byte(`
LIMIT = 4

def _put(obj):
    """Puts it."""

y = struct(put = _put)
`)}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := l["x.star"].doc, "X.\n\n    more\n"; got != want {
		t.Errorf("got text %q, want %q", got, want)
	}
	var got []string
	for _, e := range l.exports("x.star") {
		got = append(got, e.call+": "+oneLine(e.doc))
	}
	want := []string{"LIMIT = 3: ", "alone(): ", `x.KIND = "Thing": `,
		`x.get(site, name, *labels, namespace="a", default=None, **more): Gets it.`, "x.all: ", "x.put(obj): Puts it.",
		"x.far = 4: ", "x.gone: ", `x.word = "a": `}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
