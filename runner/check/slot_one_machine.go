package check

import (
	"fmt"
	"strings"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

var slotOneMachine = Invariant{
	ID: "slot-one-machine",
	Doc: "a slot of a machine config pool is used by one machine and a machine uses one slot, and the states of the " +
		"slots add up to the pool",
	Recovery: "see which machines claim the slot, and keep the one whose VM has the slot's disks",
	Source:   "000_d64b8bff74bf7917.txt, Disk Preservation Model",
	Sees:     seesPools,
	Broken: func(s *Estate) *Breach {
		user := map[key]string{}
		for _, p := range s.Pools() {
			if b := miscounted(p); b != nil {
				return b
			}
			for _, slot := range p.Slots {
				if slot.State != journal.SlotInUse {
					continue
				}
				m := key{p.Cluster, slot.Machine}
				if other := user[m]; other != "" {
					return &Breach{
						Message:  fmt.Sprintf("machine %s uses two slots", slot.Machine),
						Evidence: fmt.Sprintf("%s and %s/%s", other, p.Name, slot.Hostname),
					}
				}
				user[m] = p.Name + "/" + slot.Hostname
			}
		}
		return nil
	},
}

// slotsOf is the slots with their states and machines.
func slotsOf(p Pool) string {
	var l []string
	for _, s := range p.Slots {
		l = append(l, fmt.Sprintf("%s is %q for %q", s.Hostname, s.State, s.Machine))
	}
	return strings.Join(l, ", ")
}

// miscounted tells when a slot is counted twice, in no state that there is, or not at all.
func miscounted(p Pool) *Breach {
	states, hosts := map[string]int{}, map[string]bool{}
	for _, slot := range p.Slots {
		if hosts[slot.Hostname] {
			return &Breach{Message: fmt.Sprintf("pool %s: slot %s is there twice", p.Name, slot.Hostname),
				Evidence: slotsOf(p)}
		}
		hosts[slot.Hostname] = true
		states[slot.State]++
	}
	sum := states[journal.SlotAvailable] + states[journal.SlotInUse] + states[journal.SlotReleased]
	if sum == p.Total {
		return nil
	}
	return &Breach{
		Message:  fmt.Sprintf("pool %s: got %d slots, and %d available, in use or released", p.Name, p.Total, sum),
		Evidence: slotsOf(p),
	}
}
