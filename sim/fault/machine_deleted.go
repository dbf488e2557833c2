package fault

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

var machineDeleted = Fault{
	ID:     "machine-deleted",
	Effect: "somebody deletes a Machine by hand",
	Symptom: "the Machine drains and goes, its VM with it, and its owner makes another one: a control plane that was replacing a machine has " +
		"one less than it counts on until then",
	Recovery: "wait: a control-plane machine hands its etcd leadership over and leaves the etcd cluster before it goes, and a new one joins",
	Heal:     "there is nothing to take back: the VM is gone, and its owner has made another",
	Source:   "sigs.k8s.io/cluster-api@v1.13.4 controlplane/kubeadm/internal/controllers/controller.go, reconcilePreTerminateHook",
	Args: []Arg{
		clusterArg,
		{Name: "role", Doc: "of the machine", Default: "control-plane", Kind: RoleName},
		{Name: "machine", Doc: "its name, of one that is there when the run begins; by default one that is not going already, drawn from the seed", Kind: MachineName},
	},
	inject: func(ctx context.Context, s Site, a Args, hit func(string)) (laid, error) {
		cluster, err := clusterOf(s, a)
		if err != nil {
			return laid{}, err
		}
		person, err := administratorOf(s, "")
		if err != nil {
			return laid{}, err
		}
		l, err := person.machines(ctx, cluster, a["role"])
		if err != nil {
			return laid{}, err
		}
		l = slices.DeleteFunc(l, func(m unstructured.Unstructured) bool {
			return m.GetDeletionTimestamp() != nil || a["machine"] != "" && m.GetName() != a["machine"]
		})
		if len(l) == 0 {
			return laid{}, fmt.Errorf("cluster %s has no Machine %s of role %s that is not going already", cluster, a["machine"], a["role"])
		}
		m := &l[s.Draw("machine-deleted/"+cluster, len(l))]
		if err := person.Delete(ctx, m); err != nil {
			return laid{}, err
		}
		hit(fmt.Sprintf("Machine %s of %s: deleted", m.GetName(), cluster))
		return laid{heal: nothing}, nil
	},
}

// machines are those of a role, "" for all, by age.
func (a administrator) machines(ctx context.Context, cluster, role string) ([]unstructured.Unstructured, error) {
	l, err := a.ofCluster(ctx, machineKind, cluster)
	return slices.DeleteFunc(l, func(m unstructured.Unstructured) bool {
		is := m.GetLabels()["cluster.x-k8s.io/deployment-name"]
		if _, ok := m.GetLabels()[controlPlaneLabel]; ok {
			is = "control-plane"
		}
		return role != "" && is != role
	}), err
}
