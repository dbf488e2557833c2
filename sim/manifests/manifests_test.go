package manifests

import (
	"strings"
	"testing"
)

func TestEveryProviderIsThere(t *testing.T) {
	crds, err := CRDs()
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for _, c := range crds {
		have[c.Name] = true
		if c.Labels["cluster.x-k8s.io/v1beta2"] != "v1beta2" {
			t.Errorf("%s: got no contract label", c.Name)
		}
	}
	for _, want := range []string{"machines.cluster.x-k8s.io", "kubeadmconfigs.bootstrap.cluster.x-k8s.io", "kubeadmcontrolplanes.controlplane.cluster.x-k8s.io",
		"vspheremachinetemplates.infrastructure.cluster.x-k8s.io", "clusterresourcesets.addons.cluster.x-k8s.io"} {
		if !have[want] {
			t.Errorf("%s: missing", want)
		}
	}
}

func TestWebhookConfigurationsDoNotOverwriteEachOther(t *testing.T) {
	mutating, validating, err := Webhooks()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]int{}
	for _, w := range mutating {
		names["mutating "+w.Name]++
	}
	for _, w := range validating {
		names["validating "+w.Name]++
	}
	if len(names) != len(mutating)+len(validating) || len(validating) < 4 {
		t.Errorf("got %v, want a name of its own for each of at least four providers", names)
	}
	for n := range names {
		if !strings.Contains(n, "-configuration-") {
			t.Errorf("%s: got no provider in the name", n)
		}
	}
}

func BenchmarkCRDs(b *testing.B) {
	for b.Loop() {
		if _, err := CRDs(); err != nil {
			b.Fatal(err)
		}
	}
}
