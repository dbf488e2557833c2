package check

import (
	"cmp"
	"maps"
	"slices"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

// Estate is what the events of a journal add up to: the clusters of a site as they are now. The zero value is not
// ready; a Judge makes one.
type Estate struct {
	Now         float64 // site seconds
	machines    map[key]*Machine
	planes      map[key]journal.ControlPlane
	deployments map[key]journal.MachineDeployment
	pools       map[key]Pool
	disks       map[string]journal.Disk // by path
	endpoints   map[string]Endpoint     // by cluster
	providers   map[string]CloudProvider
	gone        map[string]bool // machine templates that were there and are no more
	kept        map[string]string
	origins     map[string]origin // by cluster
	old         map[key]bool      // machines that were there before the first step
	begun       bool              // a step has begun
	most        map[string]int    // machines that the control plane of a cluster may have
	doubts      map[key]float64   // since when, in site seconds, there has been a doubt; with no name: of the control plane
}

type key struct{ cluster, name string }

// Machine is a machine and what is remembered about it.
type Machine struct {
	journal.Machine
	Voted      bool    // its etcd member was healthy once: it takes part in the quorum
	Sick       bool    // its etcd member was unhealthy when it was asked last: it is not while the machine is being deleted
	Left       bool    // its etcd member has left, since the machine is being deleted
	EtcdSince  float64 // site seconds since when its etcd member has been in this state
	PhaseSince float64 // site seconds since when it has been in this phase
}

// Endpoint is the endpoint of a workload cluster and since when, in site seconds, it has answered or not.
type Endpoint struct {
	journal.Endpoint
	Since float64
}

// CloudProvider is the cloud provider of a workload cluster and since when, in site seconds, it has been available or
// not.
type CloudProvider struct {
	journal.CloudProvider
	Since float64
}

func newEstate() *Estate {
	return &Estate{
		machines: map[key]*Machine{}, planes: map[key]journal.ControlPlane{},
		deployments: map[key]journal.MachineDeployment{}, pools: map[key]Pool{}, disks: map[string]journal.Disk{},
		endpoints: map[string]Endpoint{}, providers: map[string]CloudProvider{},
		gone: map[string]bool{}, kept: map[string]string{}, origins: map[string]origin{}, old: map[key]bool{},
		doubts: map[key]float64{}, most: map[string]int{},
	}
}

// Clusters is the names of all clusters, sorted.
func (s *Estate) Clusters() []string {
	names := map[string]bool{}
	for k := range s.machines {
		names[k.cluster] = true
	}
	for k := range s.planes {
		names[k.cluster] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// Machines is the machines of a cluster that exist, by name.
func (s *Estate) Machines(cluster string) []*Machine {
	var l []*Machine
	for k, m := range s.machines {
		if k.cluster == cluster {
			l = append(l, m)
		}
	}
	slices.SortFunc(l, func(a, b *Machine) int { return cmp.Compare(a.Name, b.Name) })
	return l
}

// ControlPlaneMachines is those of them that belong to the control plane.
func (s *Estate) ControlPlaneMachines(cluster string) []*Machine {
	return slices.DeleteFunc(s.Machines(cluster), func(m *Machine) bool { return m.Role != journal.RoleControlPlane })
}

// ControlPlane is the KubeadmControlPlane of a cluster.
func (s *Estate) ControlPlane(cluster string) (journal.ControlPlane, bool) {
	for k, p := range s.planes {
		if k.cluster == cluster { // Cluster API allows one
			return p, true
		}
	}
	return journal.ControlPlane{}, false
}

// TemplateOwner says who referred to a machine template when the run began, "" when nobody did.
func (s *Estate) TemplateOwner(name string) string { return s.kept[name] }

// GoneTemplates is the machine templates that were deleted and not created again, sorted.
func (s *Estate) GoneTemplates() []string { return slices.Sorted(maps.Keys(s.gone)) }

// lasted tells whether something that began at since has lasted for so many site seconds. Times are of milliseconds, so
// that half of one is nothing but what adding them up has cost.
func (s *Estate) lasted(since, limit float64) bool { return s.Now-since > limit-0.0005 }

// apply adds one event.
func (s *Estate) apply(at float64, b journal.Body) {
	s.Now = at
	s.remember(b)
	s.add(at, b)
	s.dateDoubts()
	s.allowMachines()
}

func (s *Estate) add(at float64, b journal.Body) {
	switch b := b.(type) {
	case *journal.StepStarted:
		s.begun = true
	case *journal.Machine:
		s.machine(at, *b)
	case *journal.ControlPlane:
		s.keep(b.Template, "KubeadmControlPlane "+b.Name)
		set(s.planes, key{b.Cluster, b.Name}, *b, b.Deleted)
	case *journal.MachineDeployment:
		s.keep(b.Template, "MachineDeployment "+b.Name)
		set(s.deployments, key{b.Cluster, b.Name}, *b, b.Deleted)
	case *journal.Endpoint:
		e := Endpoint{*b, at}
		if old, ok := s.endpoints[b.Cluster]; ok && old.Answers == b.Answers {
			e.Since = old.Since
		}
		s.endpoints[b.Cluster] = e
	case *journal.CloudProvider:
		p := CloudProvider{*b, at}
		if old, ok := s.providers[b.Cluster]; ok && (old.Available > 0) == (b.Available > 0) {
			p.Since = old.Since
		}
		s.providers[b.Cluster] = p
	case *journal.Pool:
		s.pool(*b)
	case *journal.Disk:
		if b.Path == "" {
			clear(s.disks)
			return
		}
		s.disks[b.Path] = *b
	case *journal.Template:
		set(s.gone, b.Name, true, !b.Deleted)
	}
}

func set[K comparable, T any](m map[K]T, k K, v T, deleted bool) {
	if deleted {
		delete(m, k)
		return
	}
	m[k] = v
}

func (s *Estate) keep(template, owner string) {
	if !s.begun && template != "" && s.kept[template] == "" {
		s.kept[template] = owner
	}
}

func (s *Estate) machine(at float64, b journal.Machine) {
	k := key{b.Cluster, b.Name}
	if b.Phase == journal.PhaseDeleted {
		delete(s.machines, k)
		return
	}
	m := &Machine{Machine: b, EtcdSince: at, PhaseSince: at}
	if old := s.machines[k]; old != nil {
		if old.Phase == b.Phase {
			m.PhaseSince = old.PhaseSince
		}
		m.Voted, m.Sick, m.Left = old.Voted, old.Sick, old.Left
		if etcdState(old.Etcd) == etcdState(b.Etcd) {
			m.EtcdSince = old.EtcdSince
		}
	}
	m.Voted = m.Voted || etcdState(b.Etcd) == "True"
	if !b.Deleting || !says(b.Etcd, unaskedTexts) {
		m.Sick = etcdState(b.Etcd) == "False"
	}
	m.Left = m.Left || b.Deleting && says(b.Etcd, leftTexts)
	s.machines[k] = m
}

func etcdState(e *journal.Etcd) string {
	if e == nil {
		return ""
	}
	return e.Healthy
}
