package fault

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

var editSplit = Fault{
	ID: "edit-split",
	Effect: "somebody edits the KubeadmControlPlane a second time, as one does who forgot a value: it gets one more command that runs after " +
		"kubeadm",
	Symptom: "machines that were new and up to date are outdated again (MachinesSpecUpToDate counts down), and each is replaced once more; " +
		"in the middle of a rollout that is an extra replacement for each new machine",
	Recovery: "wait: the rollout ends with all values in place. Set all of them in a single edit the next time",
	Heal:     "takes the edit back, unless somebody has edited the commands meanwhile; that outdates machines once more",
	Source:   "000_d64b8bff74bf7917.txt, Upgrade the control plane; sigs.k8s.io/cluster-api@v1.13.4 controlplane/kubeadm/internal/filters.go",
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
		path := []string{"spec", "kubeadmConfigSpec", "postKubeadmCommands"}
		before, _, _ := unstructured.NestedStringSlice(kcp.Object, path...)
		back, err := person.exchange(ctx, kcp, slices.Concat(before, []string{"echo edited again"}), path...)
		if err != nil {
			return laid{}, fmt.Errorf("KubeadmControlPlane %s: %w", kcp.GetName(), err)
		}
		hit("KubeadmControlPlane " + kcp.GetName() + ": edited again")
		return laid{heal: back}, nil
	},
}
