package fault

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var poolExhausted = Fault{
	ID:     "pool-exhausted",
	Effect: "the owner of a machine config pool surges: maxSurge is 1, maxUnavailable of a MachineDeployment 0, and the pool has no slot to spare; it fires when a new machine finds none",
	Symptom: "the VSphereMachine says MachineConfigPoolReady=False/NoAvailableSlots, \"no available slots in pool\"; its Machine gets no VM, " +
		"and the rollout stands at one machine too many",
	Recovery: "add a slot to the pool; the machine takes it at its next try, at most 1000 s later. Its disks are new: what the others keep is not on them",
	Heal:     "adds a slot, with the next hostname and address, unless there is a free one or somebody has added one",
	Source:   "000_d64b8bff74bf7917.txt, Prerequisites; github.com/alauda/cluster-api-provider-vsphere pkg/services/machineconfigpool.go",
	Args:     []Arg{clusterArg, ownerArg},
	inject: func(ctx context.Context, s Site, a Args, hit func(string)) (laid, error) {
		o, err := ownerOf(ctx, s, a)
		if err != nil {
			return laid{}, err
		}
		if free := freeSlot(o.pool.Object); free != "" {
			return laid{}, fmt.Errorf("pool %s: got the free slot %s, want none", o.pool.GetName(), free)
		}
		slots := len(slotsOf(o.pool.Object, "spec", "configs"))
		before := o.obj.DeepCopy()
		if err := surge(o.obj); err != nil {
			return laid{}, err
		}
		stop := refusals(s, o.pool.GetName(), hit)
		if err := o.c.Patch(ctx, o.obj, client.MergeFrom(before)); err != nil {
			stop()
			return laid{}, err
		}
		return laid{
			heal: func(ctx context.Context) error {
				stop()
				return o.change(ctx, false, func(pool map[string]any) error {
					if len(slotsOf(pool, "spec", "configs")) > slots {
						return nil // somebody has added one
					}
					return addSlot(pool)
				})
			},
			waits: "a machine that finds no slot in pool " + o.pool.GetName(),
		}, nil
	},
}

// surge lets an owner make a machine before it removes one. A MachineDeployment that may have one less would remove one at
// the same time, and so free a slot.
func surge(owner *unstructured.Unstructured) error {
	if owner.GetKind() == "KubeadmControlPlane" {
		return unstructured.SetNestedField(owner.Object, int64(1), "spec", "rolloutStrategy", "rollingUpdate", "maxSurge")
	}
	rolling := []string{"spec", "strategy", "rollingUpdate"}
	return errors.Join(unstructured.SetNestedField(owner.Object, int64(1), append(rolling, "maxSurge")...),
		unstructured.SetNestedField(owner.Object, int64(0), append(rolling, "maxUnavailable")...))
}
