package lint

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/dsl/diag"
	"github.com/rehearse-dev/rehearse/dsl/internal/chunk"
)

func TestRules(t *testing.T) {
	for _, c := range chunk.Read(t, "testdata/rules.star") {
		t.Run(c.Name, func(t *testing.T) {
			c.Check(t, Source("rules.star", []byte(c.Source)).Or())
		})
	}
}

func TestTheTableIsSortedAndEachRuleIsTested(t *testing.T) {
	data, err := os.ReadFile("testdata/rules.star")
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range Rules() {
		if want := fmt.Sprintf("RL%03d", i+1); r.ID != want {
			t.Errorf("got rule %s, want %s", r.ID, want)
		}
		if !strings.Contains(string(data), `### "`+r.ID) {
			t.Errorf("no test expects %s", r.ID)
		}
	}
}

func TestFilesOfThisProjectAreClean(t *testing.T) {
	for _, pattern := range []string{"../../scenarios/*/*.star"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatal(pattern, files, err)
		}
		for _, file := range files {
			if found := File(file); len(found) > 0 {
				t.Errorf("%s", diag.Text(found))
			}
		}
	}
	library, _ := filepath.Glob("../stdlib/*.star")
	for _, file := range library {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if found := Source(file, src); len(found) > 0 {
			t.Errorf("%s", diag.Text(found))
		}
	}
}

func TestFileSaysWhatLoadingSays(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.star")
	source := "load(\"@rehearse//acpi.star\", \"matrix\")\nx = matrix\n"
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	found := File(file)
	if len(found) != 1 || found[0].Code != "load-not-found" || found[0].Pos.Line != 1 {
		t.Errorf("got %v, want the load refused", found)
	}
	if found := File(filepath.Join(t.TempDir(), "none.star")); len(found) != 1 || found[0].Code != "load-not-found" {
		t.Errorf("got %v, want the file not found", found)
	}
}

// BenchmarkLoadAndLint loads and lints a runbook of 1,000 lines; the promise is 50 ms.
func BenchmarkLoadAndLint(b *testing.B) {
	head, err := os.ReadFile("../../scenarios/vsphere/upgrade.star")
	if err != nil {
		b.Fatal(err)
	}
	source := string(head)
	for i := 0; strings.Count(source, "\n") < 1000; i++ {
		source += fmt.Sprintf("\ndef check_%d(site, s):\n    problem = capi.control_plane_problem(site, s.cluster)\n"+
			"    require(problem == None, \"%%s\" %% problem, code = \"check-%d\")\n    return {\"n\": [x for x in range(%d)]}\n", i, i, i)
	}
	file := filepath.Join(b.TempDir(), "long.star")
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for b.Loop() {
		if found := File(file); len(found) > 0 {
			b.Fatal(diag.Text(found))
		}
		if _, err := (dsl.Loader{}).Runbook(file); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(strings.Count(source, "\n")), "lines")
}

func TestTheRunbookOfTheReadmeIsClean(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, rest := range strings.Split(string(b), "```python\n")[1:] {
		if block, _, _ := strings.Cut(rest, "```"); strings.Contains(block, "\nrunbook(") {
			text = block
		}
	}
	if text == "" {
		t.Fatal("README.md: got no python block that declares a runbook")
	}
	file := filepath.Join(t.TempDir(), "readme.star")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if found := File(file); len(found) > 0 {
		t.Error(diag.Text(found))
	}
}
