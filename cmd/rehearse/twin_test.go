package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rehearse-dev/rehearse/runner"
	"github.com/rehearse-dev/rehearse/runner/journal"
)

// oneMachine is the shipped world with one machine of each kind.
const oneMachine = `load("prod-a.world.star", "prod_a")
world(base = prod_a, changes = {
    "KubeadmControlPlane/prod-a-kcp": {"spec": {"replicas": 1}},
    "MachineDeployment/prod-a-md-0": {"spec": {"replicas": 1}},
    "MachineDeployment/prod-a-md-1": None,
    "KubeadmConfigTemplate/prod-a-md-1": None,
    "VSphereMachineTemplate/prod-a-md-1": None,
})
`

// TestAProgramOfTheTwinThatDiesMakesTheRunAnError kills the API server of the workload cluster while the runbook waits for
// that cluster. The runbook sees no more than a cluster that is away; that the testbed broke is what the run has to say.
func TestAProgramOfTheTwinThatDiesMakesTheRunAnError(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "vsphere"), os.DirFS(scenarios)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "vsphere/one.world.star"), []byte(oneMachine), 0o600); err != nil {
		t.Fatal(err)
	}
	run := filepath.Join(dir, "run")
	c := exec.Command("rehearse", "run", "vsphere/upgrade.star", "--world", "vsphere/one.world.star", "--param", "cluster=prod-a",
		"--param", "target=4.3.0", "--dir", run, "--quiet", "-o", "jsonl")
	c.Dir, c.Stderr = dir, os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill() })
	defer time.AfterFunc(5*time.Minute, func() { _ = c.Process.Kill() }).Stop()
	home := filepath.Join(run, "twin/clusters/prod-a")
	ended := follow(t, out, "control-plane-rolled", func() {
		l := processes("--tls-cert-file=" + filepath.Join(home, "apiserver.crt"))
		if len(l) != 1 {
			t.Fatalf("API servers of prod-a: got processes %v, want one", l)
		}
		if err := syscall.Kill(l[0], syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	})
	err = c.Wait()
	if status := (*exec.ExitError)(nil); !errors.As(err, &status) || status.ExitCode() != runner.ExitError {
		t.Errorf("got %v, want exit status %d", err, runner.ExitError)
	}
	log := filepath.Join(home, "kube-apiserver.log")
	want := "testbed: prod-a kube-apiserver: exited early (signal: killed); end of " + log + ":\n"
	if ended.Verdict != journal.Error || !strings.HasPrefix(ended.Message, want) {
		t.Errorf("got %s: %s\nwant %s: %s", ended.Verdict, ended.Message, journal.Error, want)
	}
	if info, err := os.Stat(log); err != nil || info.Size() == 0 {
		t.Errorf("%s: got %v, want it kept", log, err)
	}
	if l := processes(dir); len(l) > 0 {
		t.Errorf("got processes %v, want none left", l)
	}
}

// follow reads the events of a run to its end, and acts when a step begins.
func follow(t *testing.T, events io.Reader, step string, act func()) *journal.RunEnded {
	t.Helper()
	var ended *journal.RunEnded
	for d := json.NewDecoder(events); ; {
		var e journal.Event
		if err := d.Decode(&e); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		b, err := e.Decode()
		if err != nil {
			t.Fatal(err)
		}
		switch b := b.(type) {
		case *journal.StepStarted:
			if b.ID == step {
				act()
			}
		case *journal.RunEnded:
			ended = b
		}
	}
	if ended == nil {
		t.Fatal("the run said nothing of its end")
	}
	return ended
}
