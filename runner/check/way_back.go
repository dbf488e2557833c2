package check

import (
	"fmt"
	"slices"

	"github.com/blang/semver/v4"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

// WayBack says what going back would mean as things are now: the worst of all clusters, and why. It is false where no
// control plane has been seen.
//
// Going back is what 000_d64b8bff74bf7917.txt describes, "Rolling Back a Failed Upgrade". That text permits it at any
// time; its later revision (alauda/immutable-infra-docs docs/en/upgrade-cluster) only as long as no control-plane machine
// of the newer minor version has joined, since etcd may hold by then what the older one does not read. The level follows
// the later revision, and the reason says both.
func (j *Judge) WayBack() (journal.Level, string, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var worst back
	for _, c := range j.estate.Clusters() {
		if _, ok := j.estate.ControlPlane(c); !ok {
			continue
		}
		if b := wayBack(j.estate, c); worst.level == "" || rank(b.level) > rank(worst.level) {
			worst = b
		}
	}
	return worst.level, worst.why, worst.level != ""
}

// back is what going back would mean for one cluster.
type back struct {
	level journal.Level
	why   string
}

func rank(l journal.Level) int {
	return slices.Index([]journal.Level{journal.Reversible, journal.DataStays, journal.OneWay}, l)
}

func wayBack(s *Estate, cluster string) back {
	o := s.origins[cluster]
	for _, name := range s.GoneTemplates() {
		if owner := s.TemplateOwner(name); owner != "" {
			return back{journal.OneWay, fmt.Sprintf("machine template %s, which %s had, is gone: machines can be built from it "+
				"only after it has been recreated", name, owner)}
		}
	}
	if lost := quorumLost(s, cluster); lost != nil {
		return back{journal.OneWay, lost.Message + ": the control plane replaces no machine, neither forward nor back, " +
			"until an operator has restored it"}
	}
	if o.joined != "" {
		return back{journal.OneWay, fmt.Sprintf("%s has joined %s, which was at %s: the document permits the edit back, its "+
			"later revision only a repair forward or etcd's backup", o.joined, cluster, o.version)}
	}
	if pool := diskTaken(s, cluster); pool != "" {
		return back{journal.DataStays, fmt.Sprintf("machines of %s have been replaced: the disks of pool %s come back with "+
			"what was written to them meanwhile", cluster, pool)}
	}
	return back{journal.Reversible, stage(s, cluster, o)}
}

// stage is why a cluster can be taken back.
func stage(s *Estate, cluster string, o origin) string {
	var created, replaced *Machine
	for _, m := range s.ControlPlaneMachines(cluster) {
		switch {
		case s.old[key{cluster, m.Name}]:
		case o.newer(m.Version):
			created = m
		default:
			replaced = m
		}
	}
	p, _ := s.ControlPlane(cluster)
	switch {
	case created != nil:
		return fmt.Sprintf("control-plane machine %s of %s was created and has not joined: it goes first; etcd has %d of %d "+
			"members", created.Name, created.Version, len(votingMembers(s, cluster)), p.Replicas)
	case replaced != nil:
		return fmt.Sprintf("control-plane machines have been replaced within %s's minor version: etcd's data stays readable",
			o.version)
	case o.newer(p.Version):
		return fmt.Sprintf("%s asks for %s, and no control-plane machine of it exists yet", p.Name, p.Version)
	case p.Version != o.version || p.Template != o.template:
		return fmt.Sprintf("%s asks for other machines of the same minor version, and none exists yet", p.Name)
	}
	return "the control plane of " + cluster + " is as it was"
}

// diskTaken is the pool with persistent disks one of whose slots a machine has taken that was not there before, "" when
// there is none.
func diskTaken(s *Estate, cluster string) string {
	for _, p := range s.Pools() {
		for _, slot := range p.Slots {
			if p.Cluster == cluster && len(slot.Disks) > 0 && slot.Machine != "" && !s.old[key{cluster, slot.Machine}] &&
				slot.State == journal.SlotInUse {
				return p.Name
			}
		}
	}
	return ""
}

// origin is what a cluster was when the run began, and what cannot be taken back since.
type origin struct {
	version, template string // of the oldest control-plane machine, or of the control plane; its template
	joined            string // the first control-plane machine of a newer minor version with a node: "name of version"
}

// newer tells whether a version is of a newer minor version than the origin's.
func (o origin) newer(version string) bool {
	v, err := semver.ParseTolerant(version)
	was, werr := semver.ParseTolerant(o.version)
	return err == nil && werr == nil && minorLess(was, v)
}

// remember keeps what there is before the first step, and which machine of a newer version is the first to join.
func (s *Estate) remember(b journal.Body) {
	switch b := b.(type) {
	case *journal.ControlPlane:
		o := s.origins[b.Cluster]
		if !s.begun && !b.Deleted {
			o.template = b.Template
			if o.version == "" {
				o.version = b.Version
			}
			s.origins[b.Cluster] = o
		}
	case *journal.Machine:
		if !s.begun {
			s.old[key{b.Cluster, b.Name}] = true
		}
		if b.Role == journal.RoleControlPlane {
			s.rememberMachine(*b)
		}
	}
}

func (s *Estate) rememberMachine(b journal.Machine) {
	o := s.origins[b.Cluster]
	v, err := semver.ParseTolerant(b.Version)
	if err != nil {
		return
	}
	if was, err := semver.ParseTolerant(o.version); !s.begun && (err != nil || minorLess(v, was)) {
		o.version = b.Version
	}
	if s.begun && o.joined == "" && b.Node != "" && o.newer(b.Version) {
		o.joined = fmt.Sprintf("control-plane machine %s of %s", b.Name, b.Version)
	}
	s.origins[b.Cluster] = o
}
