package configpool

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
)

// request is a machine that asks for a slot.
type request struct {
	machine    corev1.ObjectReference // the VSphereMachine
	consumer   corev1.ObjectReference // whose machine it is
	datacenter string                 // that the machine wants; "" and "*": any
	zone       string                 // the datacenter of its failure domain; "": any
}

// boundError says that a pool serves another consumer.
type boundError struct{ text string }

func (e *boundError) Error() string { return e.text }

// allocate binds a machine to a slot: the one that it has already, else the first that was released, whose disks it
// gets, else the first that is free. It writes the pool's status and says which slot it is.
func allocate(p *pool, r request) (hostname string, err error) {
	if c := p.Status.ConsumerRef; c != nil && !sameConsumer(*c, r.consumer) {
		return "", &boundError{fmt.Sprintf("machine config pool %s/%s is bound to %s %s/%s", p.namespace, p.name, c.Kind, c.Namespace, c.Name)}
	}
	chosen := ""
	for _, wanted := range []func(*slotStatus) bool{
		func(s *slotStatus) bool { return s != nil && s.MachineRef != nil && owns(*s.MachineRef, r.machine) },
		func(s *slotStatus) bool { return s != nil && s.State == Released },
		func(s *slotStatus) bool { return s == nil || s.State == Available },
	} {
		if chosen = pick(p, r, wanted); chosen != "" {
			break
		}
	}
	if chosen == "" {
		return "", noSlot(p, r)
	}
	st := p.statusOf(chosen)
	if st == nil {
		p.Status.ConfigStatuses = append(p.Status.ConfigStatuses, slotStatus{Hostname: chosen})
		st = p.statusOf(chosen)
	}
	st.State, st.MachineRef, st.LastReleasedTime = InUse, &r.machine, nil
	if p.Status.ConsumerRef == nil {
		p.Status.ConsumerRef = &r.consumer
	}
	return chosen, nil
}

func pick(p *pool, r request, wanted func(*slotStatus) bool) string {
	for i := range p.Spec.Configs {
		s := &p.Spec.Configs[i]
		if fits(p, s, r) && wanted(p.statusOf(s.Hostname)) {
			return s.Hostname
		}
	}
	return ""
}

func fits(p *pool, s *slot, r request) bool {
	dc := p.datacenterOf(s)
	return (anywhere(r.datacenter) || dc == r.datacenter) && (r.zone == "" || dc == r.zone)
}

func anywhere(datacenter string) bool { return datacenter == "" || datacenter == "*" }

func noSlot(p *pool, r request) error {
	text := fmt.Sprintf("no available slots in pool %s/%s", p.namespace, p.name)
	switch {
	case !anywhere(r.datacenter) && r.zone != "":
		text += fmt.Sprintf(" matching datacenter %q and failure domain datacenters", r.datacenter)
	case !anywhere(r.datacenter):
		text += fmt.Sprintf(" matching datacenter %q", r.datacenter)
	case r.zone != "":
		text += " matching failure domain datacenters"
	default:
		text += fmt.Sprintf(" (total slots: %d, status entries: %d)", len(p.Spec.Configs), len(p.Status.ConfigStatuses))
	}
	return fmt.Errorf("%s", text)
}

// owns tells whether a slot is bound to a machine: by its identity, or by its name when it was made again.
func owns(of, machine corev1.ObjectReference) bool {
	return of.UID != "" && of.UID == machine.UID || of.Name == machine.Name && of.Namespace == machine.Namespace
}

func sameConsumer(a, b corev1.ObjectReference) bool {
	return a.APIVersion == b.APIVersion && a.Kind == b.Kind && a.Namespace == b.Namespace && a.Name == b.Name
}

// holds is the slot that a machine has, "" for none.
func (p *pool) holds(machine corev1.ObjectReference) string {
	for _, s := range p.Status.ConfigStatuses {
		if m := s.MachineRef; m != nil && m.Name == machine.Name && m.Namespace == machine.Namespace &&
			(m.UID == "" || machine.UID == "" || m.UID == machine.UID) {
			return s.Hostname
		}
	}
	return ""
}
