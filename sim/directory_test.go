package sim

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestTheDirectoryRedirectsWhatIsDialledAndRefusesTheRest(t *testing.T) {
	d := &directory{vcenters: []string{"vcenter.prod.example"}, vcenter: "127.0.0.1:1111", registry: "127.0.0.1:2222",
		endpoints: map[string]directoryAddr{"Cluster ns/prod-a": {"127.0.0.1", 3333}, "VSphereCluster ns/prod-a": {"127.0.0.1", 3333}}}
	kubeconfig := func(server string) string {
		return base64.StdEncoding.EncodeToString([]byte(`{"clusters":[{"name":"x","cluster":{"server":"` + server + `"}}]}`))
	}
	for _, c := range []struct{ name, object, want, refusal string }{
		{"a template that names the site's vCenter", `{"kind":"VSphereMachineTemplate","spec":{"template":{"spec":{"server":"vcenter.prod.example","thumbprint":"AA"}}}}`,
			`{"kind":"VSphereMachineTemplate","spec":{"template":{"spec":{"server":"127.0.0.1:1111","thumbprint":""}}}}`, ""},
		{"a template that was read from the twin", `{"kind":"VSphereMachineTemplate","spec":{"template":{"spec":{"server":"127.0.0.1:1111"}}}}`,
			`{"kind":"VSphereMachineTemplate","spec":{"template":{"spec":{"server":"127.0.0.1:1111"}}}}`, ""},
		{"a template that inherits its vCenter", `{"kind":"VSphereMachineTemplate","spec":{"template":{"spec":{"thumbprint":"AA"}}}}`,
			`{"kind":"VSphereMachineTemplate","spec":{"template":{"spec":{"thumbprint":""}}}}`, ""},
		{"another vCenter", `{"kind":"VSphereMachine","spec":{"server":"vcenter.other.example"}}`, "", "spec.server: got vCenter"},
		{"another zone", `{"kind":"VSphereDeploymentZone","spec":{"server":"10.0.0.1"}}`, "", "spec.server: got vCenter"},
		{"a cluster of the world", `{"kind":"Cluster","metadata":{"namespace":"ns","name":"prod-a","annotations":{"cpaas.io/registry-address":"r:5"}},"spec":{"controlPlaneEndpoint":{"host":"10.0.0.5","port":6443}}}`,
			`{"kind":"Cluster","metadata":{"namespace":"ns","name":"prod-a","annotations":{"cpaas.io/registry-address":"127.0.0.1:2222"}},"spec":{"controlPlaneEndpoint":{"host":"127.0.0.1","port":3333}}}`, ""},
		{"a cluster that the world does not have", `{"kind":"VSphereCluster","metadata":{"namespace":"ns","name":"b"},"spec":{"controlPlaneEndpoint":{"host":"10.0.0.5"}}}`, "", "not in the world"},
		{"a cluster without an endpoint", `{"kind":"Cluster","metadata":{"namespace":"ns","name":"b"},"spec":{}}`, `{"kind":"Cluster","metadata":{"namespace":"ns","name":"b"},"spec":{}}`, ""},
		{"a kubeconfig of the twin", `{"kind":"Secret","metadata":{"name":"a-kubeconfig"},"data":{"value":"` + kubeconfig("https://127.0.0.1:3333") + `"}}`,
			`{"kind":"Secret","metadata":{"name":"a-kubeconfig"},"data":{"value":"` + kubeconfig("https://127.0.0.1:3333") + `"}}`, ""},
		{"a kubeconfig that does not parse", `{"kind":"Secret","metadata":{"name":"a-kubeconfig"},"stringData":{"value":"clusters: ["}}`, "", "kubeconfig: "},
		{"a kubeconfig of a real cluster", `{"kind":"Secret","metadata":{"name":"a-kubeconfig"},"data":{"value":"` + kubeconfig("https://10.0.0.5:6443") + `"}}`, "", `got server "https://10.0.0.5:6443"`},
	} {
		o := &unstructured.Unstructured{}
		if err := json.Unmarshal([]byte(c.object), &o.Object); err != nil {
			t.Fatal(err)
		}
		err := d.redirect(o)
		if c.refusal != "" {
			if err == nil || !strings.Contains(err.Error(), c.refusal) {
				t.Errorf("%s: got %v, want a refusal with %q", c.name, err, c.refusal)
			}
			continue
		}
		want := map[string]any{}
		if err := json.Unmarshal([]byte(c.want), &want); err != nil {
			t.Fatal(err)
		}
		for _, o := range []map[string]any{o.Object, want} { // numbers as JSON has them
			b, _ := json.Marshal(o)
			clear(o)
			_ = json.Unmarshal(b, &o)
		}
		if diff := cmp.Diff(want, o.Object); diff != "" || err != nil {
			t.Errorf("%s: got %v and (-want +got)\n%s", c.name, err, diff)
		}
	}
}

func TestAManifestStaysAsItWasWrittenWhenItIsRedirected(t *testing.T) {
	d := &directory{vcenters: []string{"vcenter.prod.example"}, vcenter: "127.0.0.1:1111"}
	m := Manifest{Object: &unstructured.Unstructured{Object: map[string]any{"kind": "VSphereMachineTemplate",
		"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"server": "vcenter.prod.example"}}}}}}
	to, err := d.redirected(m)
	if err != nil {
		t.Fatal(err)
	}
	server := []string{"spec", "template", "spec", "server"}
	if written, got := m.str(server...), to.str(server...); written != "vcenter.prod.example" || got != "127.0.0.1:1111" {
		t.Errorf("got %q, and the manifest now says %q", got, written)
	}
}
