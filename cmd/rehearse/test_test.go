package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/rehearse-dev/rehearse/cmd/internal/suite"
	"github.com/rehearse-dev/rehearse/runner"
	"github.com/rehearse-dev/rehearse/runner/journal"
	"github.com/rehearse-dev/rehearse/runner/journal/journaltest"
	"github.com/rehearse-dev/rehearse/runner/report"
)

func TestWhatRepeatsASuite(t *testing.T) {
	paths := []string{"scenarios"}
	for _, c := range []struct {
		name string
		got  []string
		want string
	}{
		{"all", (&testFlags{seed: 1}).command(paths, suite.Shard{}), "rehearse test scenarios --seed 1"},
		{"a part", (&testFlags{seed: 2, run: "a|b", repeat: 3, rerunFailed: true}).command(paths, suite.Shard{Index: 2, Count: 5}),
			"rehearse test scenarios --run 'a|b' --shard 2/5 --rerun-failed --repeat 3 --seed 2"},
		{"one", (&testFlags{seed: 1}).repeatOne("x_test.star", "etcd (3)"), `rehearse test x_test.star --run '^etcd \(3\)$' --seed 1`},
		{"one that is not the same twice", (&testFlags{seed: 1, repeat: 2}).repeatOne("x_test.star", "etcd"), "rehearse test x_test.star --run '^etcd$' --repeat 2 --seed 1"},
	} {
		if got := strings.TrimSpace(report.Command(c.got)); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// What cannot be written any more when the suite has ended is told, and hides nothing.
func TestAResultThatCannotBeWrittenHidesNoVerdict(t *testing.T) {
	for _, c := range []struct {
		verdict journal.Verdict
		want    int
	}{{journal.Pass, runner.ExitError}, {journal.Fail, runner.ExitFail}, {journal.Error, runner.ExitError}} {
		var out, said bytes.Buffer
		e := &env{stdout: &out, stderr: &said, getenv: func(string) string { return "" }}
		f := testFlags{dir: t.TempDir(), output: "text", junit: filepath.Join(t.TempDir(), "gone", "junit.xml")}
		cmd := &cobra.Command{}
		cmd.SetContext(t.Context())
		err := f.conclude(cmd, e, &report.Suite{Cases: []*report.Case{{Name: "a", Verdict: c.verdict}}})
		if code := (*exit)(nil); !errors.As(err, &code) || code.code != c.want {
			t.Errorf("%s: got %v, want exit code %d", c.verdict, err, c.want)
		}
		if !strings.Contains(said.String(), "gone/junit.xml: no such file or directory") || !strings.Contains(out.String(), strings.ToUpper(string(c.verdict))) {
			t.Errorf("%s: got %s\n%s, want the report and what is wrong", c.verdict, out.String(), said.String())
		}
	}
}

const asking = `def run(ctx, p):
    ctx.gate("start", "Shall we?")

scenario(
    "100%, no: never",
    world = world(clusters = []),
    runbook = runbook(name = "ask", run = run),
    expect = completes(),
)
`

// What a CI system shows is at the scenario that failed, in the words of the verdict, from the file to the annotation.
func TestAFailureIsAnnotatedAtItsScenario(t *testing.T) {
	repo := t.TempDir()
	for name, text := range map[string]string{"deep/ask_test.star": asking, "journal.jsonl": string(journaltest.Story{
		journal.RunStarted{SchemaVersion: 1, RunID: "run"}, journal.StepStarted{ID: "start", Kind: journal.StepKindGate},
		journal.StepEnded{ID: "start", Kind: journal.StepKindGate, Outcome: journal.Failed, Code: "gate-refused", Message: "at 100%\nof the night"},
		journal.RunEnded{Verdict: journal.Fail, ExitCode: 1}}.Write(t))} {
		if err := errors.Join(os.MkdirAll(filepath.Join(repo, "deep"), 0o700), os.WriteFile(filepath.Join(repo, name), []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(filepath.Join(repo, "deep"))
	_, items, err := suite.Load([]string{"ask_test.star"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	environment := map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": repo, "GITHUB_STEP_SUMMARY": filepath.Join(repo, "summary.md"),
		"GITLAB_CI": "true", "CI_PROJECT_DIR": repo}
	var out, said bytes.Buffer
	e := &env{stdout: &out, stderr: &said, getenv: func(k string) string { return environment[k] }}
	f := &testFlags{dir: t.TempDir(), output: "text", quiet: true, seed: 1, junit: filepath.Join(repo, "junit.xml"), level: "step"}
	r := suite.Runner{Jobs: 1, Repeat: 1, Dir: f.dir, Limits: suite.Limits{Whole: time.Minute, Silence: time.Minute}, Watch: e.suiteProgress(true, 1),
		Command: func(_ *suite.Item, dir string) []string {
			return []string{"/bin/sh", "-c", "cp ../journal.jsonl $1; exit 1", "player", dir}
		},
		RepeatCommand: func(i *suite.Item) []string { return f.repeatOne(i.File, i.Scenario.Name) }}
	cmd := &cobra.Command{}
	cmd.SetContext(t.Context())
	err = f.conclude(cmd, e, &report.Suite{Seed: 1, Cases: r.Run(t.Context(), items)})
	if code := (*exit)(nil); !errors.As(err, &code) || code.code != runner.ExitFail {
		t.Errorf("got %v, want exit code %d", err, runner.ExitFail)
	}
	for where, want := range map[string]string{
		"": "::error file=deep/ask_test.star,line=4,title=FAIL 100%25%2C no%3A never::got failed at start with code gate-refused (at 100%25), " +
			"want it to complete%0Aexpected: completes%0Arepeat: rehearse test ask_test.star --run '^100%25, no: never$' --seed 1%0A",
		"summary.md":                  "- **fail** <code>100%, no: never</code>",
		"gl-code-quality-report.json": "\"path\": \"deep/ask_test.star\",\n      \"lines\": {\n        \"begin\": 4\n",
		"junit.xml":                   `name="100%, no: never / start" file="ask_test.star" line="4"`,
	} {
		got := said.String()
		if where != "" {
			b, err := os.ReadFile(filepath.Join(repo, where))
			if err != nil {
				t.Fatal(err)
			}
			got = string(b)
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %s", where, got, want)
		}
	}
}
