package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rehearse-dev/rehearse/cmd/internal/suite"
	"github.com/rehearse-dev/rehearse/runner"
	"github.com/rehearse-dev/rehearse/runner/journal"
	"github.com/rehearse-dev/rehearse/runner/report"
)

// TestASuiteOnTwins runs testdata/suite: the whole way from the files over a process and a twin for each scenario to
// the verdicts, of which there is one of each kind.
func TestASuiteOnTwins(t *testing.T) {
	dir := t.TempDir()
	for _, from := range []string{scenarios, "testdata/suite"} {
		if err := os.CopyFS(filepath.Join(dir, filepath.Base(from)), os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, ".git"), 0o700); err != nil { // the root of load("//…")
		t.Fatal(err)
	}
	c := exec.Command("rehearse", "test", "suite", "--dir", "results", "--quiet", "-o", "json", "--junit", "junit.xml", "--html", "pages")
	c.Dir, c.Stderr = dir, os.Stderr
	out, err := c.Output()
	if status := (*exec.ExitError)(nil); !errors.As(err, &status) || status.ExitCode() != runner.ExitError {
		t.Errorf("got %v, want exit status %d: an error outweighs a fail", err, runner.ExitError)
	}
	var o report.SuiteObject
	if err := json.Unmarshal(out, &o); err != nil {
		t.Fatalf("stdout: %v\n%s", err, out)
	}
	if want := (report.SuiteCounts{Pass: 3, Fail: 1, Error: 1}); o.Counts != want {
		t.Errorf("got %+v, want %+v", o.Counts, want)
	}
	for _, s := range o.Scenarios {
		problems := strings.Join(s.Problems, "\n")
		verdict, problem := journal.Pass, ""
		switch s.Name {
		case "a fault that never comes":
			verdict, problem = journal.Error, "armed, not triggered: drain-blocked"
		case "an end that is another one":
			verdict, problem = journal.Fail, "got failed at start with code gate-refused (not approved: the window is over), want it blocked at preflight"
		}
		if s.Verdict != verdict || !strings.Contains(problems, problem) {
			t.Errorf("%s: got %s: %s, want %s: %s", s.Name, s.Verdict, problems, verdict, problem)
		}
		evidence := []string{"."}
		if s.Name == "an operator who meddles, twice" {
			evidence = append(evidence, "operator/start/1", "operator/start/2")
		}
		for _, e := range evidence {
			if _, err := journal.ReadFile(filepath.Join(dir, s.Dir, e)); err != nil {
				t.Errorf("%s: evidence: %v", s.Name, err)
			}
		}
	}
	for _, file := range []string{"results/" + suite.ResultFile, "junit.xml", "pages/index.html"} {
		if info, err := os.Stat(filepath.Join(dir, file)); err != nil || info.Size() == 0 {
			t.Errorf("%s: got %v, want it written", file, err)
		}
	}
	if l := processes(dir); len(l) > 0 {
		t.Errorf("got processes %v, want none left", l)
	}
}
