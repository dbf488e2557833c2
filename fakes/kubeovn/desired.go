package kubeovn

import (
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/version"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
)

// The annotations of a Cluster that the provider reads.
const (
	NetworkTypeAnnotation = "cpaas.io/network-type"
	VersionAnnotation     = "cpaas.io/kube-ovn-version"
	RegistryAnnotation    = "cpaas.io/registry-address"

	joinCIDRAnnotation    = "cpaas.io/kube-ovn-join-cidr"
	sentryTypeAnnotation  = "cpaas.io/sentry-deploy-type"
	albAddressAnnotation  = "cpaas.io/alb-address-type"
	networkType           = "kube-ovn"
	releaseName           = "cpaas-kube-ovn"
	legacyChart, newChart = "acp/chart-cpaas-kube-ovn", "acp/chart-kube-ovn"
)

// Gated tells whether the provider delivers Kube-OVN to a cluster at all.
func Gated(c *clusterv1.Cluster) bool { return c.Annotations[NetworkTypeAnnotation] == networkType }

// Chart is the repository of the Kube-OVN chart of a version, which changed its name with v4.4.
func Chart(revision string) (string, error) {
	v, err := version.ParseGeneric(revision)
	if err != nil {
		return "", fmt.Errorf("%s %q: %w", VersionAnnotation, revision, err)
	}
	if v.Major() > 4 || v.Major() == 4 && v.Minor() >= 4 {
		return newChart, nil
	}
	return legacyChart, nil
}

// Desired is the AppRelease that the provider wants in a gated cluster, without status. The error is one of
// configuration: its text is what the provider's condition says.
func Desired(c *clusterv1.Cluster) (*unstructured.Unstructured, error) {
	registry, revision := c.Annotations[RegistryAnnotation], c.Annotations[VersionAnnotation]
	pods, services := c.Spec.ClusterNetwork.Pods.CIDRBlocks, c.Spec.ClusterNetwork.Services.CIDRBlocks
	switch {
	case registry == "":
		return nil, errors.New(RegistryAnnotation + " annotation is required to deploy kube-ovn")
	case len(pods) == 0 || len(services) == 0:
		return nil, errors.New("cluster network pod/service CIDR must be set before deploying kube-ovn")
	case revision == "":
		return nil, errors.New("failed to get kube-ovn ModulePlugin")
	}
	chartName, err := Chart(revision)
	if err != nil {
		return nil, err
	}
	fields, err := plain(&spec{
		Source: source{
			RepoURL: registry,
			Charts:  []chart{{Name: chartName, ReleaseName: releaseName, TargetRevision: revision}},
		},
		Timeout: 120,
		Values:  values(c, registry, pods, services),
	})
	if err != nil {
		return nil, err
	}
	o := newObject()
	o.SetNamespace(Namespace)
	o.SetName(Name)
	o.SetAnnotations(map[string]string{"auto-recycle": "true", "interval-sync": "true"})
	o.Object["spec"] = fields
	return o, nil
}

func values(c *clusterv1.Cluster, registry string, pods, services []string) map[string]any {
	list := func(from []string) []any {
		var to []any
		for _, s := range from {
			to = append(to, s)
		}
		return to
	}
	return map[string]any{
		"global": map[string]any{
			"cluster": map[string]any{
				"name": c.Name, "networkType": networkType, "type": c.Annotations[sentryTypeAnnotation],
			},
			"registry":       map[string]any{"address": registry},
			"albAddressType": c.Annotations[albAddressAnnotation],
		},
		"kubeOvn": map[string]any{
			"podCIDRs": list(pods), "serviceCIDRs": list(services), "joinCIDR": c.Annotations[joinCIDRAnnotation],
		},
	}
}
