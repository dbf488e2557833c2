package fault

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
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

// addSlot gives a pool one more slot, unless it has a free one.
func addSlot(pool map[string]any) error {
	if freeSlot(pool) != "" {
		return nil
	}
	slot, _, err := anotherSlot(pool)
	if err != nil {
		return err
	}
	return appendSlot(pool, slot)
}

func appendSlot(pool, slot map[string]any) error {
	configs, _, err := unstructured.NestedSlice(pool, "spec", "configs")
	if err != nil {
		return err
	}
	return unstructured.SetNestedSlice(pool, append(configs, slot), "spec", "configs")
}

// slotAddress is where a slot says which address its machine gets.
var slotAddress = []string{"network", "primary", "ip"}

// anotherSlot is one more for a pool, made after its last one: with the next hostname and address, and no disks yet.
func anotherSlot(pool map[string]any) (slot, last map[string]any, err error) {
	configs := slotsOf(pool, "spec", "configs")
	if len(configs) == 0 {
		return nil, nil, errors.New("spec.configs: got no slot, want one to make another after")
	}
	last = configs[len(configs)-1]
	slot = runtime.DeepCopyJSON(last)
	slot["hostname"] = fmt.Sprintf("%v-x%d", last["hostname"], len(configs)+1)
	if ip, found, _ := unstructured.NestedString(last, slotAddress...); found {
		at, err := netip.ParsePrefix(ip)
		if err != nil {
			return nil, nil, err
		}
		next := netip.PrefixFrom(nextFree(pool, at.Addr()), at.Bits()).String()
		if err := unstructured.SetNestedField(slot, next, slotAddress...); err != nil {
			return nil, nil, err
		}
	}
	disks, _, _ := unstructured.NestedSlice(slot, "persistentDisks")
	for _, d := range disks {
		delete(d.(map[string]any), "volumePath")
		delete(d.(map[string]any), "diskUUID")
	}
	if disks != nil {
		slot["persistentDisks"] = disks
	}
	return slot, last, nil
}

// nextFree is the first address after one that no slot of the pool has.
func nextFree(pool map[string]any, after netip.Addr) netip.Addr {
	taken := map[netip.Addr]bool{}
	for _, s := range slotsOf(pool, "spec", "configs") {
		ip, _, _ := unstructured.NestedString(s, slotAddress...)
		if p, err := netip.ParsePrefix(ip); err == nil {
			taken[p.Addr()] = true
		}
	}
	for after = after.Next(); taken[after]; {
		after = after.Next()
	}
	return after
}
