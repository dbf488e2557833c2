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

// rehearse runs the shipped runbook with faults; said is everything that its waits have said.
func rehearse(t testing.TB, world string, faults ...string) (_ runner.Result, said string) {
	t.Helper()
	return conduct(t, rehearsal.Config{Runbook: filepath.Join(vsphere, "upgrade.star"), World: world,
		Params: map[string]string{"cluster": "prod-a", "target": "4.3.0"}, Faults: faults})
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
	res, _ := rehearse(t, filepath.Join(vsphere, "prod-a.world.star"))
	if res.Verdict != journal.Pass || res.ExitCode != runner.ExitPass {
		t.Errorf("got %s, exit %d: %s", res.Verdict, res.ExitCode, res.Message)
	}
	if got, want := res.Run.Changed(), 7; got != want {
		t.Errorf("writes: got %d, want %d: three templates, the control plane, the annotation, two pools", got, want)
	}
}

// TestTheShippedRehearsalPassesOnACopyOfAWarmWorld upgrades one machine after the other that nobody has seen boot.
func TestTheShippedRehearsalPassesOnACopyOfAWarmWorld(t *testing.T) {
	res, _ := conduct(t, rehearsal.Config{Runbook: filepath.Join(vsphere, "upgrade.star"), World: small(t, 1, 1),
		Params: map[string]string{"cluster": "prod-a", "target": "4.3.0"}, Snapshot: filepath.Join(t.TempDir(), "warm")})
	if res.Verdict != journal.Pass || res.ExitCode != runner.ExitPass {
		t.Errorf("got %s, exit %d: %s", res.Verdict, res.ExitCode, res.Message)
	}
	if len(res.Run.Warnings) != 0 {
		t.Errorf("warnings: got %v, want none: one says that the twin is no copy", res.Run.Warnings)
	}
}

func TestAFaultBeforeTheRunIsRefusedByPreflight(t *testing.T) {
	world := small(t, 1, 1)
	for _, c := range []struct{ fault, code string }{
		{"chart-missing", "kube-ovn-chart-missing"},
		{"cluster-paused", "cluster-paused"},
		{"kube-ovn-ungated", "kube-ovn-ungated"},
		{"node-not-ready:cause=network", "workers-not-ready"},
		{"vm-template-missing", "vsphere-template-missing"},
		{"workload-partitioned", "control-plane-unreachable"},
	} {
		t.Run(c.fault, func(t *testing.T) {
			res, _ := rehearse(t, world, c.fault)
			last := res.Run.Steps[len(res.Run.Steps)-1]
			if res.ExitCode != runner.ExitBlocked || last.ID != "preflight" || last.End.Code != c.code || res.Run.Changed() != 0 {
				t.Errorf("got exit %d at %s with code %s after %d writes, want %d at preflight with %s after none",
					res.ExitCode, last.ID, last.End.Code, res.Run.Changed(), runner.ExitBlocked, c.code)
			}
		})
	}
}

// TestAFaultShowsItsSymptomAndTheRunCompletesOnceItIsHealed has one row for each fault: inject, documented symptom, heal,
// completion.
func TestAFaultShowsItsSymptomAndTheRunCompletesOnceItIsHealed(t *testing.T) {
	for _, c := range []struct {
		name, fault           string
		controlPlane, workers int
		symptom               []string // in what the waits said
		target                string   // in what the fault hit first
		verdict               journal.Verdict
	}{
		{"a VM template that disappears", "vm-template-missing:when=at:start,heal=time:10m", 1, 1,
			[]string{"unable to find template by name \"alaudaos-43.m55.202604161208-0.x86_64\""}, "VM template alaudaos-43.m55.202604161208-0.x86_64: removed from vCenter", journal.Pass},
		{"a lost majority of etcd", "etcd-quorum-loss:when=time:1m,heal=time:3m", 3, 1,
			[]string{"etcd"}, "etcd of prod-a: 2 of 3 voting members ended: ", journal.Fail}, // etcd-quorum is an invariant: the run completes and fails
		{"a budget that allows no disruption", "drain-blocked:when=at:workers-prod-a-md-0,heal=time:15m", 1, 2,
			[]string{"cannot evict pod as it would violate the pod's disruption budget"}, "its drain is stopped by PodDisruptionBudget shop/web", journal.Pass},
		{"a chart that cannot be downloaded", "apprelease-fails:phase=DownloadFailed,when=at:kube-ovn,heal=time:5m", 1, 1,
			[]string{"DownloadFailed"}, "AppRelease cni-kube-ovn of prod-a: DownloadFailed", journal.Pass},
		{"a chart that cannot be deployed", "apprelease-fails:phase=DeployFailed,when=at:kube-ovn,heal=time:5m", 1, 1,
			[]string{"DeployFailed"}, "AppRelease cni-kube-ovn of prod-a: DeployFailed", journal.Pass},
		{"pods of a chart that are not ready", "apprelease-fails:phase=NotReady,when=at:kube-ovn,heal=time:5m", 1, 1,
			[]string{"NotReady"}, "AppRelease cni-kube-ovn of prod-a: NotReady", journal.Pass},
		{"a worker that does not join", "worker-join-fails:when=at:workers-prod-a-md-0,heal=time:15m", 1, 1,
			[]string{"Waiting for a Node"}, "of prod-a: kubeadm join failed", journal.Pass},
	} {
		t.Run(c.name, func(t *testing.T) {
			res, text := rehearse(t, small(t, c.controlPlane, c.workers), c.fault)
			if res.Verdict != c.verdict {
				t.Errorf("verdict: got %s (%s), want %s", res.Verdict, res.Message, c.verdict)
			}
			f := res.Run.Faults[0]
			if f.Fired == nil || f.Healed == nil {
				t.Fatalf("fault: got fired %v, healed %v, want both", f.Fired, f.Healed)
			}
			if !strings.Contains(f.Fired.Target, c.target) {
				t.Errorf("target: got %q, want %q", f.Fired.Target, c.target)
			}
			for _, s := range c.symptom {
				if !strings.Contains(text, s) {
					t.Errorf("symptom %q: not in what the waits said:\n%s", s, text)
				}
			}
			if last := res.Run.Steps[len(res.Run.Steps)-1]; last.ID != "verified" || last.End == nil || last.End.Outcome != journal.Done {
				t.Errorf("last step: got %s %+v, want verified done", last.ID, last.End)
			}
		})
	}
}

// TestFaultsComeAndGoAtMomentsOfTheRunItself has several faults in one run, two of a kind among them, each at another
// kind of moment: of steps, of machines, of calls to vCenter and writes to the management API.
func TestFaultsComeAndGoAtMomentsOfTheRunItself(t *testing.T) {
	res, _ := rehearse(t, small(t, 1, 1),
		"vm-template-missing:when=call:patch:KubeadmControlPlane/1,heal=time:3m",
		"apprelease-fails:phase=NotReady,when=before:kube-ovn,heal=after:1",
		"worker-join-fails:when=phase:prod-a-md-0/Pending/1,heal=after:1",
		"vm-template-missing:when=call:PowerOffVM_Task/1,heal=time:1m")
	if res.Verdict != journal.Pass {
		t.Errorf("verdict: got %s (%s), want pass", res.Verdict, res.Message)
	}
	for i, id := range []string{"vm-template-missing", "apprelease-fails", "worker-join-fails", "vm-template-missing#2"} {
		if f := res.Run.Faults[i]; f.ID != id || f.Fired == nil || f.Healed == nil {
			t.Errorf("fault %d: got %s, fired %v, healed %v, want %s, both", i, f.ID, f.Fired, f.Healed, id)
		}
	}
}
