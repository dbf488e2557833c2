package check

import (
	"cmp"
	"maps"
	"slices"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

// Pool is a machine config pool and what is remembered about it.
type Pool struct {
	journal.Pool
	// First is the identity of each persistent disk since its slot was last free: "hostname/disk" to UUID.
	First map[string]string
}

// Pools is the machine config pools that exist, by cluster and name.
func (s *Estate) Pools() []Pool {
	return slices.SortedFunc(maps.Values(s.pools), func(a, b Pool) int {
		return cmp.Or(cmp.Compare(a.Cluster, b.Cluster), cmp.Compare(a.Name, b.Name))
	})
}

// Disks is the virtual disks that are attached to a VM, by path.
func (s *Estate) Disks() []journal.Disk {
	return slices.SortedFunc(maps.Values(s.disks), func(a, b journal.Disk) int { return cmp.Compare(a.Path, b.Path) })
}

// Machine is a machine by name, nil when there is none.
func (s *Estate) Machine(cluster, name string) *Machine { return s.machines[key{cluster, name}] }

func (s *Estate) pool(b journal.Pool) {
	k := key{b.Cluster, b.Name}
	p := Pool{Pool: b, First: map[string]string{}}
	old := s.pools[k].First
	for _, slot := range b.Slots {
		if slot.State == journal.SlotAvailable {
			continue // its disks are reclaimed: who takes it next gets new ones
		}
		for _, d := range slot.Disks {
			id := slot.Hostname + "/" + d.Name
			if first := cmp.Or(old[id], d.UUID); first != "" {
				p.First[id] = first
			}
		}
	}
	set(s.pools, k, p, b.Deleted)
}

// seesPools tells whether an event lets a claim about machine config pools be judged. A site that has none keeps all of
// them: the observer that saw its control plane would have seen its pools.
func seesPools(b journal.Body) bool {
	switch b.(type) {
	case *journal.ControlPlane, *journal.Pool:
		return true
	}
	return false
}

// blindForDisks says that there are persistent disks, and nobody tells which VM has them.
func blindForDisks(s *Estate) string {
	for _, p := range s.pools {
		if len(p.First) > 0 && len(s.disks) == 0 {
			return "nobody tells which VMs have the disks of pool " + p.Name
		}
	}
	return ""
}
