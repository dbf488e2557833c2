package kube

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func group(name string, versions ...string) *metav1.APIGroup {
	g := &metav1.APIGroup{Name: name}
	for _, v := range versions {
		gv := schema.GroupVersion{Group: name, Version: v}.String()
		g.Versions = append(g.Versions, metav1.GroupVersionForDiscovery{GroupVersion: gv, Version: v})
	}
	g.PreferredVersion = g.Versions[0]
	return g
}

func list(groupVersion string, resources ...metav1.APIResource) *metav1.APIResourceList {
	return &metav1.APIResourceList{GroupVersion: groupVersion, APIResources: resources}
}

func resource(kind, plural string, short ...string) metav1.APIResource {
	return metav1.APIResource{Kind: kind, Name: plural, Namespaced: true, ShortNames: short}
}

// served is a management cluster that prefers v1beta1 and has a foreign Machine and two foreign Gateways.
func served() *Kinds {
	return NewKinds(
		[]*metav1.APIGroup{
			group("", "v1"), group("cluster.x-k8s.io", "v1beta1", "v1beta2"), group("platform.tkestack.io", "v1"),
			group("controlplane.cluster.x-k8s.io", "v1beta1", "v1beta2"), group("a.example.com", "v1"),
			group("b.example.com", "v1"), group("events.k8s.io", "v1"),
		},
		[]*metav1.APIResourceList{
			list("v1", resource("Node", "nodes"), resource("Event", "events"), resource("Node", "nodes/status")),
			list("events.k8s.io/v1", resource("Event", "events")),
			list("cluster.x-k8s.io/v1beta2", resource("Machine", "machines"), resource("Newcomer", "newcomers")),
			list("cluster.x-k8s.io/v1beta1", resource("Machine", "machines")),
			list("platform.tkestack.io/v1", resource("Machine", "machines")),
			list("controlplane.cluster.x-k8s.io/v1beta1", resource("KubeadmControlPlane", "kubeadmcontrolplanes", "kcp")),
			list("controlplane.cluster.x-k8s.io/v1beta2", resource("KubeadmControlPlane", "kubeadmcontrolplanes", "kcp")),
			list("a.example.com/v1", resource("Gateway", "gateways")),
			list("b.example.com/v1", resource("Gateway", "gateways")),
		})
}

func TestResolve(t *testing.T) {
	tests := []struct{ title, name, want string }{
		{"a kind has the version that the server prefers", "KubeadmControlPlane",
			"controlplane.cluster.x-k8s.io/v1beta1, Resource=kubeadmcontrolplanes"},
		{"kind, version and group", "KubeadmControlPlane.v1beta2.controlplane.cluster.x-k8s.io",
			"controlplane.cluster.x-k8s.io/v1beta2, Resource=kubeadmcontrolplanes"},
		{"resource, version and group, as kubectl writes it", "kubeadmcontrolplanes.v1beta1.controlplane.cluster.x-k8s.io",
			"controlplane.cluster.x-k8s.io/v1beta1, Resource=kubeadmcontrolplanes"},
		{"kind and group", "Machine.platform.tkestack.io", "platform.tkestack.io/v1, Resource=machines"},
		{"a short name", "kcp", "controlplane.cluster.x-k8s.io/v1beta1, Resource=kubeadmcontrolplanes"},
		{"a kind of the preferred group wins", "Machine", "cluster.x-k8s.io/v1beta1, Resource=machines"},
		{"a kind of the core group wins", "Event", "/v1, Resource=events"},
		{"a core kind with its version", "Node.v1", "/v1, Resource=nodes"},
		{"a kind that the preferred version lacks", "Newcomer", "cluster.x-k8s.io/v1beta2, Resource=newcomers"},
	}
	for _, tt := range tests {
		t.Run(tt.title, func(t *testing.T) {
			m, err := served().Resolve(tt.name)
			if err != nil {
				t.Fatal(err)
			}
			if got := m.Resource.String(); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestResolveRefuses(t *testing.T) {
	tests := []struct{ title, name, want string }{
		{"a misspelt kind", "KubeadmControlPlan",
			"the server has no kind KubeadmControlPlan (did you mean KubeadmControlPlane?)"},
		{"a kind that nothing is near to", "Sprocket", "the server has no kind Sprocket"},
		{"a version that is not served", "Machine.v1alpha4.cluster.x-k8s.io",
			"the server has no kind Machine.v1alpha4.cluster.x-k8s.io (it has Machine.v1.platform.tkestack.io, " +
				"Machine.v1beta1.cluster.x-k8s.io, Machine.v1beta2.cluster.x-k8s.io)"},
		{"a kind of two foreign groups", "Gateway",
			"kind Gateway: got one of several groups, want one of Gateway.v1.a.example.com, Gateway.v1.b.example.com"},
	}
	for _, tt := range tests {
		t.Run(tt.title, func(t *testing.T) {
			m, err := served().Resolve(tt.name)
			if err == nil {
				t.Fatalf("got %v, want an error", m)
			}
			if got := err.Error(); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestResolveGVKTakesNoOtherVersion(t *testing.T) {
	gvk := schema.GroupVersionKind{Group: "cluster.x-k8s.io", Version: "v1beta2", Kind: "Machine"}
	m, err := served().ResolveGVK(gvk)
	if err != nil || m.Kind != gvk {
		t.Errorf("got %v, %v, want %v", m.Kind, err, gvk)
	}
	gvk.Version = "v1"
	if _, err := served().ResolveGVK(gvk); err == nil {
		t.Error("got no error for a version that is not served")
	}
}
