package archtest

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// nested are the modules beside our own: binaries that are built, and tools that judge.
var nested = []string{"tools/tools.go", "tools/govc/main.go"}

const linter = "honnef.co/go/tools"

var dependencyRow = regexp.MustCompile("(?m)^\\| `([^`]+)` \\|(.*)\\|$")

// Every module that our own files name has a row in docs/dependencies.md, and every row has such a module.
func TestEveryDependencyHasItsReason(t *testing.T) {
	b, err := os.ReadFile(root + "/docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]bool{}
	for _, m := range dependencyRow.FindAllStringSubmatch(string(b), -1) {
		cells := strings.Split(m[2], "|")
		if len(cells) != 4 {
			t.Errorf("%s: got %d cells, want need, why this one, weight, exit", m[1], len(cells))
		}
		for _, c := range cells {
			if strings.TrimSpace(c) == "" {
				t.Errorf("%s: got an empty cell", m[1])
			}
		}
		rows[m[1]] = true
	}
	wanted := direct(t)
	for m, file := range wanted {
		if !rows[m] {
			t.Errorf("docs/dependencies.md: no row for %s, which %s imports", m, file)
		}
	}
	for m := range rows {
		if _, ok := wanted[m]; !ok {
			t.Errorf("docs/dependencies.md: nothing imports %s: remove the row", m)
		}
	}
}

// direct are the modules of what our files import by name, each with one such file. Blank imports only pin.
func direct(t *testing.T) map[string]string {
	t.Helper()
	required := requires(t, root+"/go.mod")
	l := map[string]string{linter: ".ci/tools.mod"}
	for _, s := range tree(t) {
		for _, i := range s.ast.Imports {
			p, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if m := moduleOf(p, required); m != "" && (i.Name == nil || i.Name.Name != "_") {
				l[m] = s.path
			}
		}
	}
	for _, file := range nested {
		b, err := os.ReadFile(root + "/" + file)
		if err != nil {
			t.Fatal(err)
		}
		pins := requires(t, root+"/"+file[:strings.LastIndexByte(file, '/')]+"/go.mod")
		for _, m := range regexp.MustCompile(`(?m)^\s*_? ?"([^"]+)"`).FindAllStringSubmatch(string(b), -1) {
			if m := moduleOf(m[1], pins); m != "" {
				l[m] = file
			}
		}
	}
	return l
}

// moduleOf is the required module with the longest path that a package is in, "" for the standard library and our own.
func moduleOf(pkg string, required map[string]string) string {
	best := ""
	for m := range required {
		if within(m+"/...", pkg) && len(m) > len(best) {
			best = m
		}
	}
	return best
}
