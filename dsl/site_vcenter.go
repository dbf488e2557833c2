package dsl

import (
	"errors"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// vcenterOf is the vCenter that a method reads.
func vcenterOf(c *call) (VCenter, *scope, error) {
	s := c.recv.(part).scope
	if err := s.open(); err != nil {
		return nil, nil, err
	}
	vc := s.site.VCenter()
	if vc == nil {
		return nil, nil, refused(errors.New("this site has no vCenter"))
	}
	return vc, s, nil
}

func hasTemplate(c *call) (starlark.Value, error) {
	var name string
	if err := c.unpack(&name); err != nil {
		return nil, err
	}
	vc, s, err := vcenterOf(c)
	if err != nil {
		return nil, err
	}
	all, err := vc.Templates(s.ctx)
	if err != nil {
		return nil, refused(err)
	}
	for _, t := range all {
		if t.Name == name {
			return starlark.True, nil
		}
	}
	return starlark.False, nil
}

func templates(c *call) (starlark.Value, error) {
	vc, s, err := vcenterOf(c)
	if err := errors.Join(c.unpack(), err); err != nil {
		return nil, err
	}
	all, err := vc.Templates(s.ctx)
	if err != nil {
		return nil, refused(err)
	}
	return machines(all), nil
}

func vms(c *call) (starlark.Value, error) {
	vc, s, err := vcenterOf(c)
	if err := errors.Join(c.unpack(), err); err != nil {
		return nil, err
	}
	all, err := vc.VMs(s.ctx)
	if err != nil {
		return nil, refused(err)
	}
	return machines(all), nil
}

func machines(all []VM) starlark.Value {
	elems := make([]starlark.Value, len(all))
	for i, vm := range all {
		elems[i] = starlarkstruct.FromStringDict(starlarkstruct.Default, starlark.StringDict{
			"name":        starlark.String(vm.Name),
			"path":        starlark.String(vm.Path),
			"uuid":        starlark.String(vm.UUID),
			"power_state": starlark.String(vm.PowerState),
			"ip":          starlark.String(vm.IP),
			"template":    starlark.Bool(vm.Template),
		})
	}
	return starlark.NewList(elems)
}
