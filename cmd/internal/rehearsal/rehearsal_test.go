package rehearsal_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"

	"github.com/rehearse-dev/rehearse/cmd/internal/rehearsal"
	"github.com/rehearse-dev/rehearse/dsl/diag"
	"github.com/rehearse-dev/rehearse/runner"
	"github.com/rehearse-dev/rehearse/runner/journal"
	"github.com/rehearse-dev/rehearse/sim/assets"
)

const vsphere = "../../../scenarios/vsphere"

// warm is the directory of warm worlds.
var warm string

func TestMain(m *testing.M) {
	var err error
	if warm, err = os.MkdirTemp("", "warm-worlds-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(warm)
	os.Exit(code)
}

// small writes prod-a with fewer machines into a directory and returns the world's file.
func small(t testing.TB, controlPlane, workers int) string {
	t.Helper()
	dir := t.TempDir()
	copyTree(t, filepath.Join(vsphere, "prod-a"), filepath.Join(dir, "prod-a"), func(file, text string) string {
		switch file {
		case "20-control-plane.yaml":
			return strings.Replace(text, "replicas: 3", fmt.Sprintf("replicas: %d", controlPlane), 1)
		case "30-workers-md-0.yaml":
			return strings.Replace(text, "replicas: 2", fmt.Sprintf("replicas: %d", workers), 1)
		case "31-workers-md-1.yaml":
			return ""
		}
		return text
	})
	b, err := os.ReadFile(filepath.Join(vsphere, "prod-a.world.star"))
	if err != nil {
		t.Fatal(err)
	}
	world := filepath.Join(dir, "prod-a.world.star")
	if err := os.WriteFile(world, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return world
}

// copyTree copies a directory; edit returns "" for a file that is left out.
func copyTree(t testing.TB, from, to string, edit func(file, text string) string) {
	t.Helper()
	if err := os.MkdirAll(to, 0o700); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() {
			copyTree(t, filepath.Join(from, e.Name()), filepath.Join(to, e.Name()), edit)
			continue
		}
		b, err := os.ReadFile(filepath.Join(from, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if text := edit(e.Name(), string(b)); text != "" {
			if err := os.WriteFile(filepath.Join(to, e.Name()), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// shipped is the shipped upgrade of prod-a.
func shipped(world string, faults ...string) rehearsal.Config {
	return rehearsal.Config{Runbook: filepath.Join(vsphere, "upgrade.star"), World: world,
		Params: map[string]string{"cluster": "prod-a", "target": "4.3.0"}, Faults: faults}
}

// rehearse runs the shipped upgrade on a copy of a warm world, which all tests share; said is everything that its waits
// have said.
func rehearse(t testing.TB, world string, faults ...string) (_ runner.Result, said string) {
	t.Helper()
	c := shipped(world, faults...)
	c.Snapshot = warm
	return conduct(t, c)
}

// conduct runs what is asked for, on a twin of its own; hear is told what the journal is.
func conduct(t testing.TB, c rehearsal.Config, hear ...func(journal.Body)) (_ runner.Result, said string) {
	t.Helper()
	binaries, err := assets.Lookup{Getenv: os.Getenv}.Find(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	c.Seed, c.Dir, c.Version, c.Command = 1, filepath.Join(t.TempDir(), "run"), "test", []string{"rehearse"}
	r, err := rehearsal.Load(c)
	if err != nil {
		t.Fatal(diag.Text(err))
	}
	// Not a deadline: it would be an instant of time.Now, which follows the site's jumps. A timer is real.
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	defer time.AfterFunc(8*time.Minute, cancel).Stop()
	var texts []string
	listen := func(j *journal.Writer, _, _ func() time.Time) {
		j.OnEvent(func(e journal.Event) {
			if b, err := e.Decode(); err == nil {
				for _, f := range hear {
					f(b)
				}
				if p, ok := b.(*journal.WaitPending); ok {
					texts = append(texts, p.Text)
				}
			}
		})
	}
	res, err := r.Run(ctx, rehearsal.Surroundings{Binaries: binaries, Log: logr.Discard(), Boot: func(string) {}, Listen: listen})
	if err != nil {
		t.Fatal(err)
	}
	if c := res.Run.Clock; c == nil || c.Late != 0 {
		t.Errorf("clock: got %+v, want no event seen late", c)
	}
	return res, strings.Join(texts, "\n")
}

func TestTheShippedRehearsalPasses(t *testing.T) {
	res, _ := conduct(t, shipped(filepath.Join(vsphere, "prod-a.world.star")))
	if res.Verdict != journal.Pass || res.ExitCode != runner.ExitPass {
		t.Errorf("got %s, exit %d: %s", res.Verdict, res.ExitCode, res.Message)
	}
	if got, want := res.Run.Changed(), 7; got != want {
		t.Errorf("writes: got %d, want %d: three templates, the control plane, the annotation, two pools", got, want)
	}
}

// TestAWorldWithoutStarlarkIsUpgraded: manifests as a person keeps them, with vcenter.yaml beside them, which alone says
// what vCenter and the registry have, and which Kubernetes is in the VM templates.
func TestAWorldWithoutStarlarkIsUpgraded(t *testing.T) {
	dir := filepath.Join(filepath.Dir(small(t, 1, 1)), "prod-a")
	inventory, err := os.ReadFile("testdata/vcenter.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "vcenter.yaml"), inventory, 0o600); err != nil {
		t.Fatal(err)
	}
	res, _ := conduct(t, shipped(dir))
	if res.Verdict != journal.Pass || res.ExitCode != runner.ExitPass {
		t.Errorf("got %s, exit %d: %s", res.Verdict, res.ExitCode, res.Message)
	}
	if got, want := versions(res.Run), "control-plane v1.34.5 true\nprod-a-md-0 v1.34.5 true"; got != want {
		t.Errorf("machines at the end: got\n%s\nwant what the VM template of the inventory has\n%s", got, want)
	}
	if got := res.Run.Started.World.Path; got != dir {
		t.Errorf("world: got %s, want the directory %s", got, dir)
	}
}

// TestTheShippedRehearsalPassesOnACopyOfAWarmWorld upgrades one machine after the other that nobody has seen boot.
func TestTheShippedRehearsalPassesOnACopyOfAWarmWorld(t *testing.T) {
	res, _ := rehearse(t, small(t, 1, 1))
	if res.Verdict != journal.Pass || res.ExitCode != runner.ExitPass {
		t.Errorf("got %s, exit %d: %s", res.Verdict, res.ExitCode, res.Message)
	}
	if len(res.Run.Warnings) != 0 {
		t.Errorf("warnings: got %v, want none: one says that the twin is no copy", res.Run.Warnings)
	}
}
