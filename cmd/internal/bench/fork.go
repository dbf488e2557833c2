package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/go-logr/logr"

	"github.com/rehearse-dev/rehearse/cmd/internal/rehearsal"
	"github.com/rehearse-dev/rehearse/runner/journal"
	"github.com/rehearse-dev/rehearse/sim"
	"github.com/rehearse-dev/rehearse/sim/assets"
	"github.com/rehearse-dev/rehearse/sim/kube"
)

// overhead is the figure that forks measure: from the start of a process to the first step of its runbook.
const overhead = "scenario on a warm world, to its first step"

// forks measures n scenarios on a world that was booted and saved before.
func forks(n int) ([]sample, error) {
	dir, err := os.MkdirTemp("", "rehearse-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if _, err := writeWorld(dir); err != nil {
		return nil, err
	}
	var samples []sample
	for i := range n + 1 { // the first one makes the snapshot
		fmt.Fprintf(os.Stderr, "warm world, run %d of %d\n", i, n)
		s, err := forkOf(os.Args[0], dir, filepath.Join(dir, fmt.Sprint("run-", i)))
		if err != nil {
			return nil, fmt.Errorf("warm world, run %d: %w", i, err)
		}
		if i > 0 {
			samples = append(samples, s)
		}
	}
	return samples, nil
}

// forkOf runs a scenario up to its first step, in a process of this program.
func forkOf(program, world, dir string) (s sample, err error) {
	start := time.Now()
	c := exec.Command(program, "-fork", world, "-dir", dir)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		return s, err
	}
	if err := c.Start(); err != nil {
		return s, err
	}
	lines := bufio.NewScanner(out)
	lines.Scan() // at the first step
	took := time.Since(start)
	if lines.Scan() {
		err = json.Unmarshal(lines.Bytes(), &s)
	}
	if err2 := c.Wait(); err2 != nil {
		return s, err2
	}
	switch {
	case err != nil:
		return s, fmt.Errorf("figures: %w", err)
	case s.Figures == nil:
		return s, errors.New("got no figures")
	}
	s.Figures[overhead] = took.Seconds()
	return s, nil
}

// runFork is the process of forkOf: a line at the first step, and a line of figures.
func runFork(world, dir string) error {
	binaries, err := assets.Lookup{Getenv: os.Getenv}.Find(context.Background())
	if err != nil {
		return err
	}
	r, err := rehearsal.Load(rehearsal.Config{Runbook: filepath.Join(vsphere, "upgrade.star"), World: filepath.Join(world, "prod-a.world.star"), Seed: 1, Dir: dir,
		Snapshot: filepath.Join(world, "warm"), Params: map[string]string{"cluster": "prod-a", "target": "4.3.0"}, Version: "bench", Command: []string{"bench"}})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	_, err = r.Run(ctx, rehearsal.Surroundings{Binaries: binaries, Log: logr.Discard(), Boot: func(string) {},
		Listen: func(j *journal.Writer, _, _ func() time.Time) {
			j.OnEvent(func(e journal.Event) {
				if e.Kind == journal.KindStepStarted && ctx.Err() == nil {
					fmt.Println("first step")
					cancel()
				}
			})
		},
		Measure: func(t *sim.Twin) { reportFork(t) }})
	if ctx.Err() != nil {
		return nil // as it should be
	}
	return err
}

// reportFork prints what the processes have cost so far.
func reportFork(t *sim.Twin) {
	self, err := kube.UsageOf(os.Getpid())
	if err != nil {
		return
	}
	f := map[string]float64{"CPU seconds to the first step: rehearse": self.CPU.Seconds()}
	sum := self.CPU.Seconds()
	for _, u := range t.Usages() {
		f["CPU seconds to the first step: "+u.Name] = u.CPU.Seconds()
		sum += u.CPU.Seconds()
	}
	f["CPU seconds to the first step: all"] = sum
	_ = json.NewEncoder(os.Stdout).Encode(sample{f})
}
