package fault

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

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

// addSlot gives a pool one more slot, made after its last one.
func addSlot(pool map[string]any) error {
	if freeSlot(pool) != "" {
		return nil
	}
	configs, _, err := unstructured.NestedSlice(pool, "spec", "configs")
	if err != nil {
		return err
	}
	if len(configs) == 0 {
		return errors.New("spec.configs: got no slot, want one to make another after")
	}
	last, err := unstructuredCopy(configs[len(configs)-1])
	if err != nil {
		return err
	}
	last["hostname"] = fmt.Sprintf("%v-x%d", last["hostname"], len(configs)+1)
	if ip, found, _ := unstructured.NestedString(last, "network", "primary", "ip"); found {
		at, err := netip.ParsePrefix(ip)
		if err != nil {
			return err
		}
		next := netip.PrefixFrom(nextFree(pool, at.Addr()), at.Bits()).String()
		if err := unstructured.SetNestedField(last, next, "network", "primary", "ip"); err != nil {
			return err
		}
	}
	disks, _, _ := unstructured.NestedSlice(last, "persistentDisks")
	for _, d := range disks {
		delete(d.(map[string]any), "volumePath")
		delete(d.(map[string]any), "diskUUID")
	}
	if disks != nil {
		last["persistentDisks"] = disks
	}
	return unstructured.SetNestedSlice(pool, append(configs, last), "spec", "configs")
}

// nextFree is the first address after one that no slot of the pool has.
func nextFree(pool map[string]any, after netip.Addr) netip.Addr {
	taken := map[netip.Addr]bool{}
	for _, s := range slotsOf(pool, "spec", "configs") {
		ip, _, _ := unstructured.NestedString(s, "network", "primary", "ip")
		if p, err := netip.ParsePrefix(ip); err == nil {
			taken[p.Addr()] = true
		}
	}
	for after = after.Next(); taken[after]; {
		after = after.Next()
	}
	return after
}

func unstructuredCopy(x any) (map[string]any, error) {
	m, ok := x.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("slot: got %T, want an object", x)
	}
	return (&unstructured.Unstructured{Object: m}).DeepCopy().Object, nil
}
