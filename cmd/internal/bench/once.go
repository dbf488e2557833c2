package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-logr/logr"

	"github.com/rehearse-dev/rehearse/cmd/internal/rehearsal"
	"github.com/rehearse-dev/rehearse/runner/journal"
	"github.com/rehearse-dev/rehearse/sim"
	"github.com/rehearse-dev/rehearse/sim/assets"
	"github.com/rehearse-dev/rehearse/sim/clock"
	"github.com/rehearse-dev/rehearse/sim/kube"
)

const vsphere = "scenarios/vsphere"

// runOnce rehearses once and prints a sample.
func runOnce() error {
	dir, err := os.MkdirTemp("", "rehearse-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	world, err := writeWorld(dir)
	if err != nil {
		return err
	}
	binaries, err := assets.Lookup{Getenv: os.Getenv}.Find(context.Background())
	if err != nil {
		return err
	}
	start := clock.Real()
	seconds := func() float64 { return (clock.Real() - start).Seconds() }
	r, err := rehearsal.Load(rehearsal.Config{Runbook: filepath.Join(vsphere, "upgrade.star"), World: world, Seed: 1, Dir: filepath.Join(dir, "run"),
		Params: map[string]string{"cluster": "prod-a", "target": "4.3.0"}, Version: "bench", Command: []string{"bench"}})
	if err != nil {
		return err
	}
	f := map[string]float64{}
	var begin time.Duration
	res, err := r.Run(context.Background(), rehearsal.Surroundings{Binaries: binaries, Log: logr.Discard(),
		Boot: func(text string) { bootPhase(f, text, seconds()) },
		Listen: func(*journal.Writer, func() time.Time, func() time.Time) {
			f["twin ready"], begin = seconds(), clock.Real()
		},
		Measure: func(t *sim.Twin) { f["rehearse run, boot included"] = seconds(); measure(f, t) }})
	if err != nil {
		return err
	}
	if res.Verdict != journal.Pass {
		return fmt.Errorf("the rehearsal did not pass: %s", res.Message)
	}
	wall := f["rehearse run, boot included"] - (begin - start).Seconds()
	f["site seconds per wall second"] = res.Run.Ended.SiteSeconds / wall
	f["wall seconds of the run: per machine"] = wall / 6
	f["wall seconds of the run: in quiet windows"] = res.Run.Clock.QuietWall
	f["wall seconds of the run: steps and waits"] = wall
	return json.NewEncoder(os.Stdout).Encode(sample{f})
}

// bootPhase notes when each phase of the boot began.
func bootPhase(f map[string]float64, text string, at float64) {
	if strings.HasPrefix(text, "waiting") {
		text = "waiting for the clusters"
	}
	name := "boot, begins at second: " + text
	if _, ok := f[name]; !ok {
		f[name] = at
	}
}

// measure takes memory and CPU, and lets an idle hour pass.
func measure(f map[string]float64, t *sim.Twin) {
	self, err := kube.UsageOf(os.Getpid())
	if err != nil {
		return
	}
	total := self.RSS
	f["CPU seconds: rehearse"], f["resident MiB: rehearse"] = self.CPU.Seconds(), mib(self.RSS)
	for _, u := range t.Usages() {
		total += u.RSS
		f["CPU seconds: "+u.Name], f["resident MiB: "+u.Name] = u.CPU.Seconds(), mib(u.RSS)
	}
	f["resident memory, all processes"] = mib(total)
	for what, d := range t.Clock().Held() {
		what, _, _ = strings.Cut(what, " ")
		what, _, _ = strings.Cut(what, "/")
		f["wall seconds in which the clock was held by (they overlap): "+what] += d.Seconds()
	}
	from, site := clock.Real(), t.Clock().Elapsed()
	if err := t.Clock().Sleep(context.Background(), time.Hour); err == nil {
		f["idle site hour"] = (clock.Real() - from).Seconds() * float64(time.Hour) / float64(t.Clock().Elapsed()-site)
	}
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// writeWorld writes prod-a with one pool of three workers.
func writeWorld(dir string) (string, error) {
	err := os.CopyFS(filepath.Join(dir, "prod-a"), os.DirFS(filepath.Join(vsphere, "prod-a")))
	if err != nil {
		return "", err
	}
	if err := os.Remove(filepath.Join(dir, "prod-a", "31-workers-md-1.yaml")); err != nil {
		return "", err
	}
	pool := filepath.Join(dir, "prod-a", "30-workers-md-0.yaml")
	b, err := os.ReadFile(pool)
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(pool, []byte(strings.Replace(string(b), "replicas: 2", "replicas: 3", 1)), 0o600); err != nil {
		return "", err
	}
	b, err = os.ReadFile(filepath.Join(vsphere, "prod-a.world.star"))
	if err != nil {
		return "", err
	}
	world := filepath.Join(dir, "prod-a.world.star")
	return world, os.WriteFile(world, b, 0o600)
}
