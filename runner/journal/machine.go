package journal

import "cmp"

func (r *Run) machine(at float64, m Machine) {
	key := m.Cluster + "/" + m.Name
	l := r.machines[key]
	if l == nil {
		l = &MachineLife{First: at, Since: at, Old: len(r.Steps) == 0}
		r.machines[key] = l
	} else if l.Phase != m.Phase {
		l.Since = at
	}
	if m.Phase == PhaseDeleted { // the last event of a machine says no more than that
		m.Role, m.Version, m.Kubelet = l.Role, l.Version, l.Kubelet
	}
	l.Machine = m
	l.History = append(l.History, Seen{at, m})
}

// Machine is the machine of that name, nil when the run has not seen it.
func (r *Run) Machine(cluster, name string) *MachineLife { return r.machines[cluster+"/"+name] }

func compareMachines(a, b *MachineLife) int {
	return cmp.Or(
		cmp.Compare(a.Cluster, b.Cluster),
		cmp.Compare(rank(a.Role), rank(b.Role)),
		cmp.Compare(a.Role, b.Role),
		cmp.Compare(a.First, b.First),
		cmp.Compare(a.Name, b.Name),
	)
}

func rank(role string) int {
	if role == RoleControlPlane {
		return 0
	}
	return 1
}

// Replacement counts what happened to the machines of one role of a cluster since the first step.
type Replacement struct {
	Cluster, Role    string
	Created, Deleted int
}

// Replaced is, per cluster and role, the machines that came and went, in the order of Machines.
func (r *Run) Replaced() []Replacement {
	var l []Replacement
	for _, m := range r.Machines() {
		if n := len(l); n == 0 || l[n-1].Cluster != m.Cluster || l[n-1].Role != m.Role {
			l = append(l, Replacement{Cluster: m.Cluster, Role: m.Role})
		}
		c := &l[len(l)-1]
		if !m.Old {
			c.Created++
		}
		if m.Phase == PhaseDeleted {
			c.Deleted++
		}
	}
	return l
}
