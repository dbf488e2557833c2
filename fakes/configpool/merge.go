package configpool

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// merge gives a VSphereVM what its slot says: the network identity, the datacenter, and the mark of the slot.
func merge(vm *unstructured.Unstructured, s *slot, datacenter string, isNew bool) error {
	notes := vm.GetAnnotations()
	if notes == nil {
		notes = map[string]string{}
	}
	notes[SlotAnnotation] = s.Hostname
	vm.SetAnnotations(notes)
	if f := vm.GetFinalizers(); isNew && !slices.Contains(f, VMFinalizer) {
		vm.SetFinalizers(append(f, VMFinalizer))
	}
	if datacenter != "" {
		if err := unstructured.SetNestedField(vm.Object, datacenter, "spec", "datacenter"); err != nil {
			return err
		}
	}
	if s.Network == nil {
		return nil
	}
	devices, _, err := unstructured.NestedSlice(vm.Object, "spec", "network", "devices")
	if err != nil {
		return err
	}
	for i, d := range append([]device{s.Network.Primary}, s.Network.Additional...) {
		if i == len(devices) {
			devices = append(devices, map[string]any{})
		}
		if have, ok := devices[i].(map[string]any); ok {
			mergeDevice(have, d)
		}
	}
	return unstructured.SetNestedSlice(vm.Object, devices, "spec", "network", "devices")
}

// mergeDevice overrides what the slot says something about. A fixed address rules out DHCP and address pools.
func mergeDevice(have map[string]any, d device) {
	have["networkName"] = d.NetworkName
	set := func(key, value string) {
		if value != "" {
			have[key] = value
		}
	}
	set("deviceName", d.DeviceName)
	set("gateway4", d.Gateway)
	set("gateway6", d.IPv6Gateway)
	var addresses []any
	if d.IP != "" {
		addresses, have["dhcp4"] = append(addresses, d.IP), false
	}
	if d.IPv6 != "" {
		addresses, have["dhcp6"] = append(addresses, d.IPv6), false
	}
	if len(addresses) > 0 {
		have["ipAddrs"] = addresses
		delete(have, "addressesFromPools")
	}
	if len(d.DNS) > 0 {
		var l []any
		for _, x := range d.DNS {
			l = append(l, x)
		}
		have["nameservers"] = l
	}
}
