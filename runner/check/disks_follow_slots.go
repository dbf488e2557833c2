package check

import (
	"fmt"
	"slices"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

// A persistent disk belongs to its slot: the machine that takes the slot gets the very disk that the one before it had.
var disksFollowSlots = Invariant{
	ID: "disks-follow-slots",
	Doc: "a persistent disk of a machine config pool keeps its identity as long as its slot is not reclaimed, and a " +
		"machine that is ready has the disks of its slot attached",
	Recovery: "stop, and compare the disks that the pool has for the slot with those of the VM: the data is on the disk that was left behind",
	Source:   "000_d64b8bff74bf7917.txt, Disk Preservation Model",
	Sees:     seesPools,
	Broken: func(s *Estate) *Breach {
		for _, p := range s.Pools() {
			for _, slot := range p.Slots {
				if slot.State == journal.SlotAvailable {
					continue
				}
				if b := strayed(s, p, slot); b != nil {
					return b
				}
			}
		}
		return nil
	},
	Blind: blindForDisks,
}

func strayed(s *Estate, p Pool, slot journal.PoolSlot) *Breach {
	m := s.Machine(p.Cluster, slot.Machine)
	for _, d := range slot.Disks {
		if first := p.First[slot.Hostname+"/"+d.Name]; d.UUID != "" && d.UUID != first {
			return &Breach{
				Message:  fmt.Sprintf("slot %s of pool %s: disk %s is not the one that it was", slot.Hostname, p.Name, d.Name),
				Evidence: fmt.Sprintf("it was %s and is %s (%s)", first, d.UUID, d.Path),
			}
		}
		if d.Path == "" || slot.State != journal.SlotInUse || m == nil || !m.Ready || blindForDisks(s) != "" {
			continue // nothing that has to be attached, or nobody looks at vCenter
		}
		if on := s.disks[d.Path]; !slices.Contains(on.VMs, slot.Machine) || on.UUID != d.UUID {
			return &Breach{
				Message: fmt.Sprintf("machine %s is ready without disk %s of its slot %s", slot.Machine, d.Name, slot.Hostname),
				Evidence: fmt.Sprintf("the pool says %q with UUID %q; vCenter has it with UUID %q on %v",
					d.Path, d.UUID, on.UUID, on.VMs),
			}
		}
	}
	return nil
}
