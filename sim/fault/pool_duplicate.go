package fault

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

var poolDuplicate = Fault{
	ID:     "pool-duplicate",
	Effect: "somebody adds a slot to a machine config pool that is a copy of the last one, and forgets to change its hostname, or its address",
	Symptom: "the pool says MembersUnique=False/DuplicateHostname or DuplicateIPAddress, with newer providers; older ones say nothing. " +
		"A slot with another one's hostname is no room for a machine: \"no available slots in pool\". A machine does not join while another " +
		"one is on that has its address: it stays Provisioned, without a node",
	Recovery: "edit the pool; a machine that has the address keeps it: delete the one that has not joined",
	Heal:     "gives the slot that was added a hostname, or an address, of its own, unless somebody has",
	Source:   "github.com/alauda/cluster-api-provider-vsphere, VSphereMachineConfigPool's condition MembersUnique",
	Args: []Arg{
		clusterArg, ownerArg,
		{Name: "field", Doc: "what it shares with another slot", Default: "hostname", OneOf: []string{"hostname", "ip"}},
	},
	inject: func(ctx context.Context, s Site, a Args, hit func(string)) (laid, error) {
		o, err := ownerOf(ctx, s, a)
		if err != nil {
			return laid{}, err
		}
		path := []string{"hostname"}
		if a["field"] == "ip" {
			path = slotAddress
		}
		d := duplicateOf{path: path}
		if err := o.change(ctx, false, d.add); err != nil {
			return laid{}, fmt.Errorf("pool %s: %w", o.pool.GetName(), err)
		}
		hit(fmt.Sprintf("pool %s: one more slot with %s %s", o.pool.GetName(), a["field"], d.value))
		return laid{heal: func(ctx context.Context) error { return o.change(ctx, false, d.part) }}, nil
	},
}

// duplicateOf is a slot's field that another slot shares.
type duplicateOf struct {
	path       []string
	value, own string // that they share, and that the added one should have
}

// add gives the pool the slot.
func (d *duplicateOf) add(pool map[string]any) error {
	slot, last, err := anotherSlot(pool)
	if err != nil {
		return err
	}
	d.own, _, _ = unstructured.NestedString(slot, d.path...)
	d.value, _, _ = unstructured.NestedString(last, d.path...)
	if d.value == "" {
		return fmt.Errorf("slot %v: got none of %v, want one to repeat", last["hostname"], d.path)
	}
	if err := unstructured.SetNestedField(slot, d.value, d.path...); err != nil {
		return err
	}
	return appendSlot(pool, slot)
}

// part gives the later one of two slots that share the value its own.
func (d *duplicateOf) part(pool map[string]any) error {
	configs, _, err := unstructured.NestedSlice(pool, "spec", "configs")
	if err != nil {
		return err
	}
	seen := false
	for _, c := range configs {
		c, _ := c.(map[string]any)
		if v, _, _ := unstructured.NestedString(c, d.path...); v != d.value {
			continue
		}
		if seen {
			if err := unstructured.SetNestedField(c, d.own, d.path...); err != nil {
				return err
			}
		}
		seen = true
	}
	return unstructured.SetNestedSlice(pool, configs, "spec", "configs")
}
