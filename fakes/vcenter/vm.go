package vcenter

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// VMSpec describes a VM that is there when the world begins.
type VMSpec struct {
	Name, Template     string
	Place              Place
	UUID, InstanceUUID string // BIOS and instance uuid; empty: made up
	MAC                string // of the first card; empty: made up
	IP, HostName       string // reported by VMware Tools; empty: not yet
	NumCPUs            int32  // zero: the template's
	MemoryMiB          int64  // zero: the template's
	DiskGiB            int32  // zero: the template's
	ExtraConfig        map[string]string
}

// CreateVM makes a running VM as the provider would have: cloned from its template with the place's network cards,
// powered on. It takes no site time, meets no faults and, of the hooks, calls OnClone alone.
func (v *VCenter) CreateVM(s VMSpec) (VM, error) {
	vm, err := v.createVM(s)
	if err != nil {
		return VM{}, fmt.Errorf("VM %q: %w", s.Name, err)
	}
	return vm, nil
}

func (v *VCenter) createVM(s VMSpec) (VM, error) {
	src, spec, err := v.cloneSpec(s)
	if err != nil {
		return VM{}, err
	}
	c := *v.service.Context // a copy: the pointer owns locks
	res, fault := v.clone(&c, src, types.CloneVM_Task{
		This: src.Self, Folder: v.ref(s.Place, folders, s.Place.Folder), Name: s.Name, Spec: *spec,
	})
	if fault != nil {
		return VM{}, fmt.Errorf("clone: %s", fault.LocalizedMessage)
	}
	ref := res.(types.ManagedObjectReference)
	vm := c.Map.Get(ref).(*simulator.VirtualMachine)
	v.setQuiet(ref, true)
	_, fault = v.powerOn(&c, vm)
	v.setQuiet(ref, false)
	if fault != nil {
		return VM{}, fmt.Errorf("power on: %s", fault.LocalizedMessage)
	}
	if s.IP != "" {
		if err := v.SetIP(ref, s.IP); err != nil {
			return VM{}, err
		}
	}
	if s.HostName != "" {
		c.WithLock(vm, func() { c.Update(vm, []types.PropertyChange{{Name: "guest.hostName", Val: s.HostName}}) })
	}
	return identify(&vm.VirtualMachine), nil
}

// HasHostName tells whether the guest of some VM reports a hostname. Of those that CreateVM has not made, none does.
func (v *VCenter) HasHostName(name string) bool {
	return len(v.findVMs(func(vm *simulator.VirtualMachine) bool { return vm.Guest != nil && vm.Guest.HostName == name })) > 0
}

// RemoveVM switches VMs of a name off and deletes them from their disks, as an administrator does. It takes no site time;
// the hooks are called. It is no error when there is none.
func (v *VCenter) RemoveVM(name string) error {
	for _, vm := range v.findVMs(func(vm *simulator.VirtualMachine) bool { return vm.Name == name && !vm.Config.Template }) {
		c := *v.service.Context
		_, _ = v.powerOff(&c, vm) // fails when it is off already, which is as good
		if _, fault := v.destroy(&c, vm); fault != nil {
			return fmt.Errorf("VM %q: destroy: %s", name, fault.LocalizedMessage)
		}
	}
	return nil
}

// cloneSpec is what the provider asks of vCenter for such a VM.
func (v *VCenter) cloneSpec(s VMSpec) (*simulator.VirtualMachine, *types.VirtualMachineCloneSpec, error) {
	dc, err := v.check(s.Place)
	if err != nil {
		return nil, nil, err
	}
	src := v.template(dc, s.Template)
	if src == nil {
		return nil, nil, fmt.Errorf("template %q: not found", s.Template)
	}
	changes, err := v.deviceChanges(src, s)
	if err != nil {
		return nil, nil, err
	}
	config := &types.VirtualMachineConfigSpec{
		Uuid: s.UUID, InstanceUuid: s.InstanceUUID, NumCPUs: s.NumCPUs, MemoryMB: s.MemoryMiB, DeviceChange: changes,
	}
	for _, k := range slices.Sorted(maps.Keys(s.ExtraConfig)) {
		config.ExtraConfig = append(config.ExtraConfig, &types.OptionValue{Key: k, Value: s.ExtraConfig[k]})
	}
	pool, store := v.ref(s.Place, pools, s.Place.ResourcePool), v.ref(s.Place, datastores, s.Place.Datastore)
	return src, &types.VirtualMachineCloneSpec{
		Config:   config,
		Location: types.VirtualMachineRelocateSpec{Pool: &pool, Datastore: &store},
	}, nil
}

// deviceChanges replaces the template's network cards by the place's and grows the disk.
func (v *VCenter) deviceChanges(src *simulator.VirtualMachine, s VMSpec) ([]types.BaseVirtualDeviceConfigSpec, error) {
	var changes []types.BaseVirtualDeviceConfigSpec
	change := func(d types.BaseVirtualDevice, op types.VirtualDeviceConfigSpecOperation) {
		changes = append(changes, &types.VirtualDeviceConfigSpec{Device: d, Operation: op})
	}
	c := *v.service.Context
	var devices object.VirtualDeviceList
	c.WithLock(src, func() { devices = slices.Clone(src.Config.Hardware.Device) })
	for _, d := range devices.SelectByType((*types.VirtualEthernetCard)(nil)) {
		change(d, types.VirtualDeviceConfigSpecOperationRemove)
	}
	if disks := devices.SelectByType((*types.VirtualDisk)(nil)); s.DiskGiB > 0 && len(disks) > 0 {
		disk := *disks[0].(*types.VirtualDisk)
		disk.CapacityInKB, disk.CapacityInBytes = int64(s.DiskGiB)<<20, int64(s.DiskGiB)<<30
		change(&disk, types.VirtualDeviceConfigSpecOperationEdit)
	}
	names := s.Place.Networks
	if len(names) == 0 {
		names = []string{""}
	}
	for i, name := range names {
		mac := ""
		if i == 0 {
			mac = s.MAC
		}
		card, err := networkCard(path.Base(v.path(s.Place, networks, name)), mac)
		if err != nil {
			return nil, err
		}
		card.GetVirtualDevice().Key = int32(-100 - i)
		change(card, types.VirtualDeviceConfigSpecOperationAdd)
	}
	return changes, nil
}

// template finds a template in a datacenter.
func (v *VCenter) template(dc, name string) *simulator.VirtualMachine {
	root := v.refs[path.Join(dc, string(folders))]
	c := *v.service.Context
	for _, vm := range v.findTemplates(name) {
		for up := vm.Parent; up != nil; up = c.Map.Get(*up).(interface {
			Entity() *mo.ManagedEntity
		}).Entity().Parent {
			if *up == root {
				return vm
			}
		}
	}
	return nil
}

// check makes sure that everything a place names is in the inventory, and returns its datacenter.
func (v *VCenter) check(p Place) (dc string, err error) {
	if dc, err = v.layout.of(p); err != nil {
		return "", err
	}
	for _, n := range p.names() {
		full, err := v.layout.resolve(dc, n.kind, n.name)
		if err != nil {
			return "", err
		}
		if _, ok := v.refs[full]; !ok {
			return "", fmt.Errorf("%s: not in the inventory", full)
		}
	}
	return dc, nil
}

// path is the inventory path of a name in a place that check has passed.
func (v *VCenter) path(p Place, k kind, name string) string {
	dc, _ := v.layout.of(p)
	full, _ := v.layout.resolve(dc, k, name)
	return full
}

func (v *VCenter) ref(p Place, k kind, name string) types.ManagedObjectReference {
	return v.refs[v.path(p, k, name)]
}

// ExtraConfig is the VM's advanced configuration as it was written, e.g. "guestinfo.metadata"; see GuestInfo.
func (v *VCenter) ExtraConfig(ref types.ManagedObjectReference) (map[string]string, error) {
	c, vm, err := v.vm(ref)
	if err != nil {
		return nil, err
	}
	config := map[string]string{}
	c.WithLock(vm, func() {
		for _, o := range vm.Config.ExtraConfig {
			if s, ok := o.GetOptionValue().Value.(string); ok {
				config[o.GetOptionValue().Key] = s
			}
		}
	})
	return config, nil
}

// GuestInfo is what the guest reads under a key ("userdata", "metadata"): guestinfo.KEY, decoded as
// guestinfo.KEY.encoding says. It is nil when nobody wrote it.
func (v *VCenter) GuestInfo(ref types.ManagedObjectReference, key string) ([]byte, error) {
	config, err := v.ExtraConfig(ref)
	if err != nil {
		return nil, err
	}
	text, ok := config["guestinfo."+key]
	if !ok {
		return nil, nil
	}
	data, err := decode(text, config["guestinfo."+key+".encoding"])
	if err != nil {
		return nil, fmt.Errorf("VM %s: guestinfo.%s: %w", ref.Value, key, err)
	}
	return data, nil
}

// decode knows the encodings of cloud-init's VMware datasource.
func decode(text, encoding string) ([]byte, error) {
	switch encoding {
	case "":
		return []byte(text), nil
	case "base64", "b64":
		return base64.StdEncoding.DecodeString(text)
	case "gzip+base64", "gz+b64":
		packed, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, err
		}
		r, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			return nil, err
		}
		return io.ReadAll(r)
	}
	return nil, fmt.Errorf("encoding: got %q, want base64 or gzip+base64", encoding)
}

// vm finds a VM, with a Context that owns the locks of the caller.
func (v *VCenter) vm(ref types.ManagedObjectReference) (*simulator.Context, *simulator.VirtualMachine, error) {
	c := *v.service.Context
	vm, ok := c.Map.Get(ref).(*simulator.VirtualMachine)
	if !ok {
		return nil, nil, fmt.Errorf("VM %s: not found", ref.Value)
	}
	return &c, vm, nil
}

func (v *VCenter) setQuiet(ref types.ManagedObjectReference, on bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if on {
		v.quiet[ref] = true
		return
	}
	delete(v.quiet, ref)
}
