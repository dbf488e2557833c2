package fault

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

var poolBound = Fault{
	ID:     "pool-bound",
	Effect: "a machine config pool is bound to another consumer; it fires when it refuses a machine, or an edit of its owner",
	Symptom: "the VSphereMachine says MachineConfigPoolReady=False/PoolBoundToOtherConsumer, \"machine config pool … is bound to …\", and its Machine " +
		"gets no VM; an edit of the owner is refused with the same words",
	Recovery: "give each control plane and each MachineDeployment a pool of its own; the machine tries again by itself, at most 1000 s later",
	Heal:     "binds the pool to its owner again",
	Source:   "000_d64b8bff74bf7917.txt, Prerequisites; github.com/alauda/cluster-api-provider-vsphere pkg/services/machineconfigpool.go",
	Args:     []Arg{clusterArg, ownerArg},
	inject: func(ctx context.Context, s Site, a Args, hit func(string)) (laid, error) {
		o, err := ownerOf(ctx, s, a)
		if err != nil {
			return laid{}, err
		}
		mine, bound, err := unstructured.NestedMap(o.pool.Object, "status", "consumerRef")
		if err != nil {
			return laid{}, err
		}
		other := map[string]any{"apiVersion": "cluster.x-k8s.io/v1beta1", "kind": "MachineDeployment", "namespace": o.pool.GetNamespace(), "name": "elsewhere"}
		bind := func(ctx context.Context, to map[string]any) error {
			return o.change(ctx, true, func(pool map[string]any) error { return unstructured.SetNestedMap(pool, to, "status", "consumerRef") })
		}
		stop := refusals(s, o.pool.GetName(), hit)
		if err := bind(ctx, other); err != nil {
			stop()
			return laid{}, err
		}
		return laid{
			heal: func(ctx context.Context) error {
				stop()
				if !bound {
					return o.change(ctx, true, func(pool map[string]any) error {
						unstructured.RemoveNestedField(pool, "status", "consumerRef")
						return nil
					})
				}
				return bind(ctx, mine)
			},
			waits: "something that pool " + o.pool.GetName() + " refuses",
		}, nil
	},
}
