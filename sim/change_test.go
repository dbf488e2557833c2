package sim

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// changed is the shipped world with changes.
func changed(changes ...Change) World {
	return World{Name: "prod-a", Clusters: []Cluster{{Name: "prod-a", Manifests: "../scenarios/vsphere/prod-a"}}, Changes: changes,
		Templates: []Template{{"alaudaos-42.m55.202603160804-0.x86_64", "v1.33.7-3"}}}
}

func TestAWorldChangesItsManifests(t *testing.T) {
	p, err := Load(changed(
		Change{"KubeadmControlPlane", "prod-a-kcp", []byte(`{"spec":{"replicas":1,"rolloutStrategy":null}}`), "w.star:1"},
		Change{"MachineDeployment", "prod-a-md-1", []byte(`null`), "w.star:1"},
		Change{"Deployment", "web", []byte(`{"spec":{"replicas":7}}`), "w.star:1"}), 1)
	if err != nil {
		t.Fatal(err)
	}
	c := p.clusters[0]
	kcp, _ := c.find("KubeadmControlPlane", "prod-a-kcp")
	if n, _, err := unstructured.NestedInt64(kcp.Object.Object, "spec", "replicas"); n != 1 || err != nil {
		t.Errorf("replicas: got %d, %v, want the 1 of the change, as a whole number", n, err)
	}
	if _, found, _ := unstructured.NestedMap(kcp.Object.Object, "spec", "rolloutStrategy"); found || kcp.str("spec", "version") == "" {
		t.Errorf("got %v, want what is null taken out and the rest as it was", kcp.Object.Object["spec"])
	}
	if _, found := c.find("MachineDeployment", "prod-a-md-1"); found {
		t.Error("got prod-a-md-1, want it left out")
	}
	for _, m := range c.workload {
		if n, _, _ := unstructured.NestedInt64(m.Object.Object, "spec", "replicas"); m.String() == "Deployment web" && n != 7 {
			t.Errorf("Deployment web: got %d replicas, want 7: the workload folder is changed as well", n)
		}
	}
	plain, err := Load(changed(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := len(p.Digests()), len(plain.Digests()); a != b+3 {
		t.Errorf("got %d digests, want 3 more than the %d of the unchanged world", a, b)
	}
}

func TestAChangeThatMakesNoSenseIsRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		change Change
		want   string
	}{
		{"of nothing", Change{"MachineDeployment", "md", []byte(`{}`), "w.star:7"}, "w.star:7: change of MachineDeployment/md: the manifests have no such object; there is prod-a-md-0, prod-a-md-1"},
		{"of a name", Change{"KubeadmControlPlane", "prod-a-kcp", []byte(`{"metadata":{"name":"x"}}`), "w.star:7"}, "w.star:7: change of KubeadmControlPlane/prod-a-kcp: got KubeadmControlPlane x, want the same kind and name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Load(changed(c.change), 1); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}
