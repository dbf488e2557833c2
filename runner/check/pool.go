package check

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

// This file reads VSphereMachineConfigPools. Source: the provider's published definition of the kind
// (github.com/alauda/immutable-infra-docs docs/shared/crds/vmware-vsphere).

func poolOf(o *object) journal.Body {
	p := journal.Pool{Cluster: text(o, "spec", "clusterRef", "name"), Name: o.GetName()}
	if kind := text(o, "status", "consumerRef", "kind"); kind != "" {
		p.Consumer = kind + " " + text(o, "status", "consumerRef", "name")
	}
	states := map[string][]journal.PoolSlot{}
	for _, s := range list(o.Object, "status", "configStatuses") {
		host := field(s, "hostname")
		states[host] = append(states[host], journal.PoolSlot{Hostname: host, State: field(s, "state"), Machine: field(s, "machineRef", "name")})
	}
	for _, c := range list(o.Object, "spec", "configs") {
		p.Total++
		host := field(c, "hostname")
		of := states[host]
		if len(of) == 0 { // a slot that nobody has looked at yet is free
			of = []journal.PoolSlot{{Hostname: host, State: journal.SlotAvailable}}
		}
		for _, s := range of {
			s.Disks = disksOf(c)
			p.Slots = append(p.Slots, s)
		}
		delete(states, host)
	}
	for _, host := range slices.Sorted(maps.Keys(states)) { // slots that were taken out of the pool
		for _, s := range states[host] {
			if s.State != journal.SlotAvailable {
				p.Slots = append(p.Slots, s)
			}
		}
	}
	return p
}

func disksOf(slot map[string]any) []journal.PoolDisk {
	var l []journal.PoolDisk
	for _, d := range list(slot, "persistentDisks") {
		l = append(l, journal.PoolDisk{Name: field(d, "name"), Path: field(d, "volumePath"), UUID: field(d, "diskUUID")})
	}
	return l
}

func poolGone(o *object) journal.Body {
	return journal.Pool{Cluster: text(o, "spec", "clusterRef", "name"), Name: o.GetName(), Deleted: true}
}

func list(m map[string]any, path ...string) []map[string]any {
	all, _, _ := unstructured.NestedSlice(m, path...)
	var l []map[string]any
	for _, x := range all {
		if x, ok := x.(map[string]any); ok {
			l = append(l, x)
		}
	}
	return l
}

func field(m map[string]any, path ...string) string {
	s, _, _ := unstructured.NestedString(m, path...)
	return s
}
