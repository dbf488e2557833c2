package fault

import (
	"context"
	"fmt"
	"net/netip"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var poolExhausted = Fault{
	ID:     "pool-exhausted",
	Effect: "the owner of a machine config pool surges: maxSurge is 1, and the pool has no slot to spare; it fires when a new machine finds none",
	Symptom: "the VSphereMachine says MachineConfigPoolReady=False/NoAvailableSlots, \"no available slots in pool\"; its Machine gets no VM, " +
		"and the rollout stands at one machine too many",
	Recovery: "add a slot to the pool; the machine takes it at its next try, at most 1000 s later. Its disks are new: what the others keep is not on them",
	Heal:     "adds a slot, with the next hostname and address, unless there is a free one",
	Source:   "000_d64b8bff74bf7917.txt, Prerequisites; github.com/alauda/cluster-api-provider-vsphere pkg/services/machineconfigpool.go",
	Args:     []Arg{clusterArg, ownerArg},
	inject: func(ctx context.Context, s Site, a Args, hit func(string)) (laid, error) {
		o, err := ownerOf(ctx, s, a)
		if err != nil {
			return laid{}, err
		}
		path := []string{"spec", "strategy", "rollingUpdate"}
		if o.obj.GetKind() == "KubeadmControlPlane" {
			path[1] = "rolloutStrategy"
		}
		before := o.obj.DeepCopy()
		if err := unstructured.SetNestedField(o.obj.Object, int64(1), append(path, "maxSurge")...); err != nil {
			return laid{}, err
		}
		if err := o.c.Patch(ctx, o.obj, client.MergeFrom(before)); err != nil {
			return laid{}, err
		}
		stop := refusals(s, o.pool.GetName(), hit)
		return laid{
			heal: func(ctx context.Context) error {
				stop()
				return o.change(ctx, false, addSlot)
			},
			waits: "a machine that finds no slot in pool " + o.pool.GetName(),
		}, nil
	},
}

// addSlot gives a pool one more slot, made after its last one.
func addSlot(pool map[string]any) error {
	if freeSlot(pool) != "" {
		return nil
	}
	configs, _, err := unstructured.NestedSlice(pool, "spec", "configs")
	if err != nil || len(configs) == 0 {
		return fmt.Errorf("spec.configs: got %d slots, want one to make another after: %w", len(configs), err)
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
		next := netip.PrefixFrom(at.Addr().Next(), at.Bits()).String()
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

func unstructuredCopy(x any) (map[string]any, error) {
	m, ok := x.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("slot: got %T, want an object", x)
	}
	return (&unstructured.Unstructured{Object: m}).DeepCopy().Object, nil
}
