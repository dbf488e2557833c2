package fault

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

var slotOrphaned = Fault{
	ID:       "slot-orphaned",
	Effect:   "a free slot of a machine config pool is in use by a VSphereMachine that does not exist",
	Symptom:  "status.configStatuses has the slot InUse, with a machineRef that leads nowhere; soon after it is Released",
	Recovery: "none: the provider releases the slot by itself, and reclaims it after releaseDelayHours",
	Heal:     "nothing: the provider does",
	Source:   "github.com/alauda/cluster-api-provider-vsphere controllers/vspheremachineconfigpool_controller.go",
	Args:     []Arg{clusterArg, ownerArg},
	inject: func(ctx context.Context, s Site, a Args, hit func(string)) (laid, error) {
		o, err := ownerOf(ctx, s, a)
		if err != nil {
			return laid{}, err
		}
		name := ""
		err = o.change(ctx, true, func(pool map[string]any) error {
			name, err = orphan(pool, o.pool.GetNamespace(), o.pool.GetName()+"-gone")
			return err
		})
		if err != nil {
			return laid{}, fmt.Errorf("pool %s: %w", o.pool.GetName(), err)
		}
		hit(fmt.Sprintf("pool %s: slot %s is in use by a machine that does not exist", o.pool.GetName(), name))
		return laid{heal: nothing}, nil
	},
}

// orphan gives a free slot of a pool to a machine. Which one is free is read from the same state that is written: a
// machine may have taken another meanwhile.
func orphan(pool map[string]any, namespace, machine string) (slot string, err error) {
	slot = freeSlot(pool)
	if slot == "" {
		return "", errors.New("got no free slot, want one that can be orphaned")
	}
	var states []any
	for _, x := range slotsOf(pool, "status", "configStatuses") {
		if x["hostname"] != slot {
			states = append(states, x)
		}
	}
	states = append(states, map[string]any{"hostname": slot, "state": "InUse", "machineRef": map[string]any{
		"kind": "VSphereMachine", "namespace": namespace, "name": machine}})
	return slot, unstructured.SetNestedSlice(pool, states, "status", "configStatuses")
}
