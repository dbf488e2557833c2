package sim_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rehearse-dev/rehearse/sim"
	"github.com/rehearse-dev/rehearse/sim/assets"
	"github.com/rehearse-dev/rehearse/sim/clock"
)

func TestWhatATwinMisjudgesIsNamedInAWarning(t *testing.T) {
	for _, c := range []struct{ name, file, manifest, want string }{
		{"pods that have to be ready for a while", "workload/90.yaml", "kind: Deployment\napiVersion: apps/v1\nmetadata: {name: x}\nspec: {minReadySeconds: 5}\n", "90.yaml:1: Deployment x: spec.minReadySeconds: kube-controller-manager keeps"},
		{"pods that have to be ready at once", "workload/90.yaml", "kind: Deployment\napiVersion: apps/v1\nmetadata: {name: x}\nspec: {minReadySeconds: 0}\n", ""},
		{"a volume", "workload/90.yaml", "kind: PersistentVolumeClaim\napiVersion: v1\nmetadata: {name: x}\n", "90.yaml:1: PersistentVolumeClaim x: no controller"},
	} {
		w := world(t, 1, 1)
		file := filepath.Join(w.Clusters[0].Manifests, c.file)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(c.manifest), 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := sim.Load(w, 1)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if c.want == "" && len(p.Warnings) > 0 || c.want != "" && !slices.ContainsFunc(p.Warnings, func(s string) bool { return strings.Contains(s, c.want) }) {
			t.Errorf("%s: got warnings %q, want one with %q", c.name, p.Warnings, c.want)
		}
	}
}

// TestAPIServersOnTheMachinesTimeAreSaidSo boots with API servers that do not know of site time.
func TestAPIServersOnTheMachinesTimeAreSaidSo(t *testing.T) {
	w := world(t, 1, 1)
	manifest := "kind: MachineHealthCheck\napiVersion: cluster.x-k8s.io/v1beta1\nmetadata: {name: x, namespace: cpaas-system}\n" +
		"spec: {clusterName: prod-a, selector: {matchLabels: {a: b}}, unhealthyConditions: [{type: Ready, status: Unknown, timeout: 5m}]}\n"
	if err := os.WriteFile(filepath.Join(w.Clusters[0].Manifests, "90.yaml"), []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	binaries, err := (assets.Lookup{Getenv: os.Getenv}).Find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	unaware := filepath.Join(t.TempDir(), "kube-apiserver") // as one that was built elsewhere
	if err := os.WriteFile(unaware, []byte("#!/bin/sh\nunset "+clock.PageEnv+"\nexec "+binaries.APIServer+" \"$@\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	binaries.APIServer = unaware
	twin := start(t, w, sim.Options{Pace: clock.Hold, Binaries: binaries})
	for _, want := range []string{"creation and deletion timestamps follow the machine's time", "MachineHealthCheck x was left out: this twin does not remediate"} {
		if !slices.ContainsFunc(twin.Notes(), func(s string) bool { return strings.Contains(s, want) }) {
			t.Errorf("got notes %q, want one with %q", twin.Notes(), want)
		}
	}
	if l := list(t, management(t, twin), "cluster.x-k8s.io/v1beta2", "MachineHealthCheck"); len(l) != 0 {
		t.Errorf("got %d MachineHealthChecks, want none", len(l))
	}
	if l := twin.WallTimeOnly(); len(l) < 2 {
		t.Errorf("on the machine's time: got %q, want the timestamps among them", l)
	}
}
