package sim_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rehearse-dev/rehearse/sim"
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
