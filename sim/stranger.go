package sim

import (
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/rehearse-dev/rehearse/fakes/vcenter"
)

// takeHostname leaves an older VM in vCenter whose guest reports the hostname that a machine has got, or removes it.
func (t *Twin) takeHostname(machine string, taken bool) error {
	name := "former-" + machine
	if !taken {
		return t.vcenter.RemoveVM(name)
	}
	w, node, _ := t.guest(machine)
	if w == nil {
		return fmt.Errorf("VM %s is gone", machine)
	}
	_, err := t.stranger(vcenter.VMSpec{Name: name, UUID: uuid.NewSHA1(uuid.NameSpaceDNS, []byte(name)).String(), IP: t.addresses.lease(name), HostName: node})
	if err != nil {
		t.fail(err) // else the fault would have come and shown nothing
	}
	return err
}

// stranger makes a VM that is no machine of the site, from the first template, where machines are.
func (t *Twin) stranger(s vcenter.VMSpec) (vcenter.VM, error) {
	if len(t.plan.World.Templates) == 0 || len(t.plan.places) == 0 {
		return vcenter.VM{}, errors.New("the world has no VM template")
	}
	s.Template, s.Place = t.plan.World.Templates[0].Name, placeOfVM(t.plan.places)
	return t.vcenter.CreateVM(s)
}

// placeOfVM is one that a VM can be made in: one that names a folder or a resource pool, else the first; vCenter has
// defaults for the rest. There is at least one.
func placeOfVM(l []vcenter.Place) vcenter.Place {
	return l[max(slices.IndexFunc(l, func(p vcenter.Place) bool { return p.ResourcePool != "" || p.Folder != "" }), 0)]
}
