package fault

import (
	"errors"
	"fmt"
	"net/netip"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// This file is how an administrator adds a slot to a machine config pool.

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
