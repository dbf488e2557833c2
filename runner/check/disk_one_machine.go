package check

import "fmt"

var diskOneMachine = Invariant{
	ID: "disk-one-machine",
	Doc: "a persistent disk of a machine config pool is attached to at most one VM, as vCenter tells whenever a pool or a " +
		"machine changes; what is attached and detached in vCenter alone, between two such changes, is not seen",
	Recovery: "detach the disk from the VM that should not have it before anything writes to it; a disk that two have mounted is not to be trusted",
	Source:   "000_d64b8bff74bf7917.txt, Disk Preservation Model",
	Sees:     seesPools,
	Broken: func(s *Estate) *Breach {
		for _, p := range s.Pools() {
			for _, slot := range p.Slots {
				for _, d := range slot.Disks {
					if on := s.disks[d.Path]; len(on.VMs) > 1 {
						return &Breach{
							Message:  fmt.Sprintf("disk %s of slot %s is attached to %d VMs, want one", d.Name, slot.Hostname, len(on.VMs)),
							Evidence: fmt.Sprintf("%s is on %v", d.Path, on.VMs),
						}
					}
				}
			}
		}
		return nil
	},
	Blind: blindForDisks,
}
