package kubeovn

import (
	_ "embed"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

//go:embed crd.yaml
var crd []byte

// CRD is the custom resource definition of AppRelease in YAML, for workload clusters. The caller owns the copy.
func CRD() []byte { return slices.Clone(crd) }

// GroupVersionKind is that of AppRelease.
func GroupVersionKind() schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: "operator.alauda.io", Version: "v1alpha1", Kind: "AppRelease"}
}

// Name and Namespace are those of the one AppRelease that the provider makes in a workload cluster.
const (
	Name      = "cni-kube-ovn"
	Namespace = "cpaas-system"
)

// The vendor publishes no Go types, so these follow the documented fields.
type (
	release struct {
		Spec   spec   `json:"spec"`
		Status status `json:"status,omitempty"`
	}
	spec struct {
		Destination destination    `json:"destination"`
		Source      source         `json:"source"`
		Timeout     int64          `json:"timeout,omitempty"`
		Values      map[string]any `json:"values,omitempty"`
	}
	destination struct {
		Cluster   string `json:"cluster"`
		Namespace string `json:"namespace"`
	}
	source struct {
		RepoURL         string  `json:"repoURL"`
		ChartPullSecret string  `json:"chartPullSecret,omitempty"`
		Charts          []chart `json:"charts"`
	}
	chart struct {
		Name           string `json:"name"`
		ReleaseName    string `json:"releaseName"`
		TargetRevision string `json:"targetRevision"`
	}
	status struct {
		ObservedGeneration int64                  `json:"observedGeneration,omitempty"`
		Charts             map[string]chartStatus `json:"charts,omitempty"`
		Conditions         []metav1.Condition     `json:"conditions,omitempty"`
	}
	chartStatus struct {
		Phase              Phase            `json:"phase,omitempty"`
		InstalledRevision  string           `json:"installedRevision,omitempty"`
		LastTransitionTime metav1.MicroTime `json:"lastTransitionTime,omitempty"`
	}
)

// The condition types of an AppRelease.
const (
	validateCondition = "Validate"
	syncCondition     = "Sync"
	healthCondition   = "Health"
)

func read(o *unstructured.Unstructured) (*release, error) {
	r := &release{}
	return r, runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, r)
}

// plain is a value as the API server returns it.
func plain(v any) (map[string]any, error) {
	return runtime.DefaultUnstructuredConverter.ToUnstructured(v)
}

func newObject() *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	o.SetGroupVersionKind(GroupVersionKind())
	return o
}
