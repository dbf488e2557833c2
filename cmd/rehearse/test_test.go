package main

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/rehearse-dev/rehearse/cmd/internal/suite"
	"github.com/rehearse-dev/rehearse/runner"
	"github.com/rehearse-dev/rehearse/runner/journal"
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
