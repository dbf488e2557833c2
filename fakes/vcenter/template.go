package vcenter

import (
	"context"
	"fmt"
	"path"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25"
	"github.com/vmware/govmomi/vim25/types"
)

// Template is a VM template and the Kubernetes version that its image carries, e.g. "v1.34.5".
type Template struct{ Name, Kubernetes string }

// templateDiskGiB is the size of a template's disk; a VSphereMachineTemplate may ask for more, never for less.
const templateDiskGiB = 10

// AddTemplate uploads a template to the root VM folder of every datacenter.
func (v *VCenter) AddTemplate(ctx context.Context, t Template) error {
	if v.HasTemplate(t.Name) {
		return fmt.Errorf("template %q: got a second one of this name, want distinct names", t.Name)
	}
	c, err := vim25.NewClient(ctx, v.service)
	if err != nil {
		return err
	}
	for _, dc := range v.layout.datacenters {
		if err := v.addTemplate(ctx, c, dc, t); err != nil {
			return fmt.Errorf("template %q in %s: %w", t.Name, dc, err)
		}
	}
	return nil
}

func (v *VCenter) addTemplate(ctx context.Context, c *vim25.Client, dc string, t Template) error {
	at := Place{Datacenter: dc}
	devices, err := v.templateDevices(dc, t.Name)
	if err != nil {
		return err
	}
	spec := types.VirtualMachineConfigSpec{
		Name: t.Name, GuestId: string(types.VirtualMachineGuestOsIdentifierOtherGuest64),
		NumCPUs: 2, MemoryMB: 4096, Uuid: v.newUUID(dc + "/" + t.Name),
		Files:        &types.VirtualMachineFileInfo{VmPathName: "[" + path.Base(v.layout.first(dc, datastores)) + "]"},
		DeviceChange: devices,
	}
	folder, pool := object.NewFolder(c, v.ref(at, folders, "")), object.NewResourcePool(c, v.ref(at, pools, ""))
	var host *object.HostSystem // vcsim would draw one
	if ref := v.leastLoadedHost(v.service.Context, pool.Reference()); ref != nil {
		host = object.NewHostSystem(c, *ref)
	}
	task, err := folder.CreateVM(ctx, spec, pool, host)
	if err != nil {
		return err
	}
	info, err := task.WaitForResult(ctx)
	if err != nil {
		return err
	}
	vm := object.NewVirtualMachine(c, info.Result.(types.ManagedObjectReference))
	v.mu.Lock()
	v.templates[vm.Reference()] = t
	v.mu.Unlock()
	return vm.MarkAsTemplate(ctx)
}

// templateDevices are a disk and a network card; the provider replaces the card.
func (v *VCenter) templateDevices(dc, name string) ([]types.BaseVirtualDeviceConfigSpec, error) {
	var l object.VirtualDeviceList
	scsi, err := l.CreateSCSIController("pvscsi")
	if err != nil {
		return nil, err
	}
	ds := path.Base(v.layout.first(dc, datastores))
	disk := l.CreateDisk(scsi.(types.BaseVirtualController), v.refs[v.layout.first(dc, datastores)],
		fmt.Sprintf("[%s] %s", ds, path.Join(name, "disk1.vmdk")))
	disk.CapacityInKB = templateDiskGiB << 20
	nic, err := networkCard(path.Base(v.layout.first(dc, networks)), "")
	if err != nil {
		return nil, err
	}
	return append(l, scsi, disk, nic).ConfigSpec(types.VirtualDeviceConfigSpecOperationAdd)
}

func networkCard(network, mac string) (types.BaseVirtualDevice, error) {
	backing := &types.VirtualEthernetCardNetworkBackingInfo{
		VirtualDeviceDeviceBackingInfo: types.VirtualDeviceDeviceBackingInfo{DeviceName: network},
	}
	dev, err := object.EthernetCardTypes().CreateEthernetCard("vmxnet3", backing)
	if err != nil {
		return nil, err
	}
	if mac != "" {
		card := dev.(types.BaseVirtualEthernetCard).GetVirtualEthernetCard()
		card.MacAddress, card.AddressType = mac, string(types.VirtualEthernetCardMacTypeManual)
	}
	return dev, nil
}

// HasTemplate tells whether vCenter has a template of that name now, whoever made it.
func (v *VCenter) HasTemplate(name string) bool { return len(v.findTemplates(name)) > 0 }

func (v *VCenter) findTemplates(name string) []*simulator.VirtualMachine {
	return v.findVMs(func(vm *simulator.VirtualMachine) bool { return vm.Config.Template && vm.Name == name })
}

// findVMs returns the VMs and templates that are meant; which sees them locked.
func (v *VCenter) findVMs(which func(*simulator.VirtualMachine) bool) (found []*simulator.VirtualMachine) {
	c := *v.service.Context
	for _, e := range c.Map.All("VirtualMachine") {
		vm, ok := e.(*simulator.VirtualMachine)
		if !ok {
			continue
		}
		c.WithLock(vm, func() {
			if vm.Config != nil && which(vm) {
				found = append(found, vm)
			}
		})
	}
	return found
}

// RemoveTemplate deletes a template from every datacenter, at once. VMs that were cloned from it keep their Origin.
func (v *VCenter) RemoveTemplate(name string) error {
	found := v.findTemplates(name)
	if len(found) == 0 {
		return fmt.Errorf("template %q: not found", name)
	}
	for _, vm := range found {
		c := *v.service.Context
		if _, fault := v.destroy(&c, vm); fault != nil {
			return fmt.Errorf("template %q: destroy: %s", name, fault.LocalizedMessage)
		}
	}
	return nil
}

// Origin is the template that a VM, or one of those it was cloned from, was made of; ok is false for a VM that was
// not cloned.
func (v *VCenter) Origin(ref types.ManagedObjectReference) (t Template, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	t, ok = v.origins[ref]
	return t, ok
}

// inherit records that a VM was cloned from another one.
func (v *VCenter) inherit(ref, src types.ManagedObjectReference) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if t, ok := v.templates[src]; ok {
		v.origins[ref] = t
	} else if t, ok := v.origins[src]; ok {
		v.origins[ref] = t
	}
}

func (v *VCenter) forget(ref types.ManagedObjectReference) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.templates, ref)
	delete(v.quiet, ref)
}

func (v *VCenter) isQuiet(ref types.ManagedObjectReference) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.quiet[ref]
}
