package fault

import (
	"context"
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
		name := freeSlot(o.pool.Object)
		if name == "" {
			return laid{}, fmt.Errorf("pool %s: got no free slot, want one that can be orphaned", o.pool.GetName())
		}
		err = o.change(ctx, true, func(pool map[string]any) error {
			entry := map[string]any{"hostname": name, "state": "InUse", "machineRef": map[string]any{
				"kind": "VSphereMachine", "namespace": o.pool.GetNamespace(), "name": o.pool.GetName() + "-gone"}}
			var states []any
			for _, x := range slotsOf(pool, "status", "configStatuses") {
				if x["hostname"] != name {
					states = append(states, x)
				}
			}
			return unstructured.SetNestedSlice(pool, append(states, entry), "status", "configStatuses")
		})
		if err != nil {
			return laid{}, err
		}
		hit(fmt.Sprintf("pool %s: slot %s is in use by a machine that does not exist", o.pool.GetName(), name))
		return laid{heal: func(context.Context) error { return nil }}, nil
	},
}
