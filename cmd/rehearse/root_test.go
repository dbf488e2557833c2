package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/rehearse-dev/rehearse/runner"
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

// A run whose output nobody reads any more (| head) goes on to its own end, with its own exit code.
func TestAReaderThatHasGoneEndsNothing(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer w.Close()
	c := exec.Command("rehearse", "lint", "nowhere.star")
	c.Stdout, c.Stderr = w, w
	err = c.Run()
	if status := (*exec.ExitError)(nil); !errors.As(err, &status) || status.ExitCode() != runner.ExitUsage {
		t.Errorf("got %v, want exit status %d", err, runner.ExitUsage)
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
