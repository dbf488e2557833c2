// Package platform plays the parts of the container platform on the management cluster that a Kubernetes upgrade only
// looks at: the distribution versions, and the Deployments of the Cluster API providers.
//
// The functions to know are CRDs, Shadows and Deployments. The package keeps nothing and runs nothing; whoever owns the management
// cluster writes what it returns. It imports nothing of this module.
//
// Models:
//
//	ClusterVersionShadow (cvsh), one per cluster, with desired and current version and the conditions Ready, Reconciling
//	and Stalled, as after a completed distribution upgrade; one Deployment per provider, rolled out and available.
//
// Simplifies:
//
//	The group and version of ClusterVersionShadow are not published; cluster.alauda.io/v1alpha1 is an assumption.
//	The Deployments have no Pods: the controllers run inside the twin.
//
// Omits:
//
//	The distribution upgrade itself, preflight checks, stages, plugins, product objects.
//
// Source:
//
//	000_d64b8bff74bf7917.txt, Upgrade Sequence; 001_b91d9add2570b717.txt, phase 1; 004_56430a21eac7cefc.txt, ClusterVersionShadow.
package platform

import (
	_ "embed"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

//go:embed clusterversionshadow.yaml
var crd []byte

// CRDs are the definitions that Objects needs.
func CRDs() ([]*apiextensionsv1.CustomResourceDefinition, error) {
	c := &apiextensionsv1.CustomResourceDefinition{}
	if err := yaml.UnmarshalStrict(crd, c); err != nil {
		return nil, fmt.Errorf("clusterversionshadow: %w", err)
	}
	return []*apiextensionsv1.CustomResourceDefinition{c}, nil
}

// Shadows are the ClusterVersionShadows of the platform ("global") and of the clusters, with their status: all have
// reached version, e.g. "4.3.0".
func Shadows(namespace, version string, clusters []string) []*unstructured.Unstructured {
	var l []*unstructured.Unstructured
	for _, name := range append([]string{"global"}, clusters...) {
		v := map[string]any{"version": version}
		condition := func(t, status, reason string) any {
			return map[string]any{"type": t, "status": status, "reason": reason, "message": ""}
		}
		l = append(l, &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "cluster.alauda.io/v1alpha1", "kind": "ClusterVersionShadow",
			"metadata": map[string]any{"name": name, "namespace": namespace},
			"spec":     map[string]any{"desiredUpdate": v},
			"status": map[string]any{"current": v, "desired": v, "conditions": []any{
				condition("Ready", "True", "Completed"), condition("Reconciling", "False", "Completed"), condition("Stalled", "False", "Completed")}},
		}})
	}
	return l
}

// providers are the controllers that run inside the twin, by the value of the label cluster.x-k8s.io/provider.
var providers = []struct{ name, provider, image string }{
	{"capi-controller-manager", "cluster-api", "cluster-api-controller:v1.13.4"},
	{"capi-kubeadm-bootstrap-controller-manager", "bootstrap-kubeadm", "kubeadm-bootstrap-controller:v1.13.4"},
	{"capi-kubeadm-control-plane-controller-manager", "control-plane-kubeadm", "kubeadm-control-plane-controller:v1.13.4"},
	{"capv-controller-manager", "infrastructure-vsphere", "cluster-api-provider-vsphere:v1.16.1"},
}

// Deployments are the providers' Deployments, with their status.
func Deployments(namespace string) []*appsv1.Deployment {
	var l []*appsv1.Deployment
	for _, p := range providers {
		labels := map[string]string{"cluster.x-k8s.io/provider": p.provider, "control-plane": p.name}
		one := int32(1)
		l = append(l, &appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Name: p.name, Namespace: namespace, Labels: labels},
			Spec: appsv1.DeploymentSpec{Replicas: &one, Selector: &metav1.LabelSelector{MatchLabels: labels},
				Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "manager", Image: p.image}}}}},
			Status: appsv1.DeploymentStatus{ObservedGeneration: 1, Replicas: 1, UpdatedReplicas: 1, ReadyReplicas: 1, AvailableReplicas: 1, Conditions: []appsv1.DeploymentCondition{
				{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionTrue, Reason: "MinimumReplicasAvailable"}}},
		})
	}
	return l
}
