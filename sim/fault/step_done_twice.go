package fault

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

var stepDoneTwice = Fault{
	ID: "step-done-twice",
	Effect: "somebody does again what was done: writes the KubeadmControlPlane, the MachineDeployments and the Cluster of a cluster once more as " +
		"they are",
	Symptom:  "nothing: no generation rises, no machine is outdated, no chart is delivered again",
	Recovery: "none is needed",
	Heal:     "there is nothing to take back",
	Source:   "000_d64b8bff74bf7917.txt, Steps; sigs.k8s.io/cluster-api@v1.13.4 controlplane/kubeadm/internal/filters.go: desired and actual state are compared",
	Args:     []Arg{clusterArg},
	inject: func(ctx context.Context, s Site, a Args, hit func(string)) (laid, error) {
		cluster, err := clusterOf(s, a)
		if err != nil {
			return laid{}, err
		}
		person, err := administratorOf(s, "")
		if err != nil {
			return laid{}, err
		}
		kcp, err := person.controlPlane(ctx, cluster)
		if err != nil {
			return laid{}, err
		}
		all, err := person.ofCluster(ctx, machineDeploymentKind, cluster)
		if err != nil {
			return laid{}, err
		}
		owner, err := findCluster(ctx, person, cluster)
		if err != nil {
			return laid{}, err
		}
		for _, o := range append(all, *kcp, *owner) {
			if err := person.again(ctx, &o); err != nil {
				return laid{}, fmt.Errorf("%s %s: %w", o.GetKind(), o.GetName(), err)
			}
		}
		hit(fmt.Sprintf("Cluster %s: %d objects were written again as they are", cluster, len(all)+2))
		return laid{heal: nothing}, nil
	},
}

// again writes what people have said in an object once more: its annotations and its spec.
func (a administrator) again(ctx context.Context, o *unstructured.Unstructured) error {
	if err := a.set(ctx, o, o.Object["spec"], "spec"); err != nil {
		return err
	}
	return a.set(ctx, o, o.GetAnnotations(), "metadata", "annotations")
}
