package fault

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// elsewhere is the consumer that does not exist.
const elsewhere = "elsewhere"

var poolBound = Fault{
	ID:     "pool-bound",
	Effect: "a machine config pool is bound to another consumer; it fires when it refuses a machine, or an edit of its owner",
	Symptom: "the VSphereMachine says MachineConfigPoolReady=False/PoolBoundToOtherConsumer, \"machine config pool … is bound to …\", and its Machine " +
		"gets no VM; an edit of the owner is refused with the same words",
	Recovery: "give each control plane and each MachineDeployment a pool of its own; the machine tries again by itself, at most 1000 s later",
	Heal:     "binds the pool to its owner again, unless somebody has bound it meanwhile",
	Source:   "000_d64b8bff74bf7917.txt, Prerequisites; github.com/alauda/cluster-api-provider-vsphere pkg/services/machineconfigpool.go",
	Args:     []Arg{clusterArg, ownerArg},
	inject: func(ctx context.Context, s Site, a Args, hit func(string)) (laid, error) {
		o, err := ownerOf(ctx, s, a)
		if err != nil {
			return laid{}, err
		}
		mine, _, err := unstructured.NestedMap(o.pool.Object, "status", "consumerRef")
		if err != nil {
			return laid{}, err
		}
		other := map[string]any{"apiVersion": "cluster.x-k8s.io/v1beta1", "kind": "MachineDeployment", "namespace": o.pool.GetNamespace(), "name": elsewhere}
		stop := refusals(s, o.pool.GetName(), hit)
		err = o.change(ctx, true, func(pool map[string]any) error {
			return unstructured.SetNestedMap(pool, other, "status", "consumerRef")
		})
		if err != nil {
			stop()
			return laid{}, err
		}
		return laid{
			heal: func(ctx context.Context) error {
				stop()
				return o.change(ctx, true, func(pool map[string]any) error { return rebind(pool, mine) })
			},
			waits: "something that pool " + o.pool.GetName() + " refuses",
		}, nil
	},
}

// rebind binds a pool to mine, empty: to nobody, if it still is bound elsewhere.
func rebind(pool, mine map[string]any) error {
	if name, _, err := unstructured.NestedString(pool, "status", "consumerRef", "name"); err != nil || name != elsewhere {
		return err
	}
	if len(mine) == 0 {
		unstructured.RemoveNestedField(pool, "status", "consumerRef")
		return nil
	}
	return unstructured.SetNestedMap(pool, mine, "status", "consumerRef")
}
