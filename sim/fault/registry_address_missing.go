package fault

import (
	"context"

	"github.com/rehearse-dev/rehearse/fakes/kubeovn"
)

var registryAddressMissing = Fault{
	ID:     "registry-address-missing",
	Effect: "the Cluster loses the annotation " + kubeovn.RegistryAnnotation,
	Symptom: `KubeOvnAppReleaseReady of the VSphereCluster is False with InvalidKubeOvnConfiguration, "cpaas.io/registry-address annotation is ` +
		`required to deploy kube-ovn"; a new cpaas.io/kube-ovn-version is not delivered`,
	Recovery: "set the annotation; the delivery goes on by itself",
	Heal:     "sets the annotation to what it was, unless somebody has set it meanwhile",
	Source:   "github.com/alauda/immutable-infra-docs docs/en/create-cluster/vmware-vsphere.mdx",
	Args:     []Arg{clusterArg},
	inject: func(ctx context.Context, s Site, a Args, hit func(string)) (laid, error) {
		return removeAnnotation(ctx, s, a, kubeovn.RegistryAnnotation, hit)
	},
}
