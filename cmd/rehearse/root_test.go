package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rehearse-dev/rehearse/runner"
	"github.com/rehearse-dev/rehearse/runner/journal"
)

func TestEveryVerbHasExamples(t *testing.T) {
	for _, verb := range verbs {
		c := verb(&env{})
		if c.Short == "" || !strings.HasPrefix(strings.TrimSpace(c.Example), "rehearse "+c.Name()) &&
			!strings.Contains(c.Example, "rehearse "+c.Name()+" ") {
			t.Errorf("%s: got short %q and example %q, want what it does and how it is called", c.Name(), c.Short, c.Example)
		}
	}
}

// An example that selects scenarios by their name selects some: a name that is changed is changed in the help as well.
func TestExamplesNameScenariosThatThereAre(t *testing.T) {
	seen := 0
	for _, verb := range verbs {
		for line := range strings.Lines(verb(&env{}).Example) {
			line = strings.TrimSpace(line)
			switch {
			case strings.HasPrefix(line, "rehearse test ") && strings.Contains(line, "--run"):
				line += " --list"
			case strings.HasPrefix(line, "rehearse scenario "):
				words := strings.Split(line, `"`)
				line = "rehearse test " + strings.Fields(words[0])[2] + " --list --run '^" + words[1] + "$'"
			default:
				continue
			}
			seen++
			c := exec.Command("sh", "-c", line)
			c.Dir = "../.."
			if out, err := c.CombinedOutput(); err != nil || len(out) == 0 {
				t.Errorf("%s: got %v: %s, want scenarios", line, err, out)
			}
		}
	}
	if seen == 0 {
		t.Error("got no example with a name, want some")
	}
}

// What is written to nobody any more (| head) changes nothing: a command goes on to its own end, with its own exit code.
func TestAReaderThatHasGoneEndsNothing(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer w.Close()
	suite, old := filepath.Join(scenarios, "upgrade_test.star"), t.TempDir()
	b, err := os.ReadFile(filepath.Join(journals, "passed.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(old, journal.FileName), b, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want int
	}{
		{[]string{"lint", "nowhere.star"}, runner.ExitUsage},
		{[]string{"report", old}, runner.ExitPass},
		{[]string{"test", suite, "--run", "^one machine of each kind$", "--shard", "2/2", "--dir", t.TempDir()}, runner.ExitPass},
	} {
		x := exec.Command("rehearse", c.args...)
		x.Stdout, x.Stderr, x.Env = w, w, append(os.Environ(), "GITHUB_ACTIONS=true")
		if err := x.Run(); x.ProcessState.ExitCode() != c.want {
			t.Errorf("%s: got %v, want exit status %d", c.args[0], err, c.want)
		}
	}
}

// What breaks in a boot that is cut short was not the testbed.
func TestWhatBreaksAfterTheUserHasStoppedIsAStop(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	if got := exitCode(ctx, errors.New("etcd: connection refused")); got != runner.ExitError {
		t.Errorf("before: got exit code %d, want %d", got, runner.ExitError)
	}
	stop()
	if got := exitCode(ctx, errors.New("etcd: connection refused")); got != runner.ExitStopped {
		t.Errorf("after: got exit code %d, want %d", got, runner.ExitStopped)
	}
}
