package vcenter

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// Disk is a virtual disk with a file of its own: it outlives the VMs that it is attached to, unless it is attached to
// one when that is destroyed.
type Disk struct {
	Path    string // "[datastore-1] folder/name.vmdk"
	UUID    string // empty in a Disk that is to be made
	SizeGiB int32
	Unit    *int32 // its number on the SCSI controller; nil: the next free one
}

// Attachment is a VM that has a disk.
type Attachment struct {
	VM  VM
	Key int32 // of the device
}

// Extra is what a VM gets when it is cloned, besides what the request says.
type Extra struct {
	Disks       []Disk // those without a UUID are made, the others must be there
	ExtraConfig map[string]string
}

// Disk is the disk of a path, as it is on the datastore; ok is false when there is no such file.
func (v *VCenter) Disk(file string) (d Disk, on []Attachment, ok bool) {
	d = Disk{Path: file, UUID: v.diskUUID(file)}
	on = v.attachments(file)
	for _, a := range on {
		_ = v.device(a.VM.Ref, file, func(disk *types.VirtualDisk) {
			d.SizeGiB, d.Unit = int32(disk.CapacityInKB>>20), disk.UnitNumber
		})
	}
	return d, on, d.UUID != ""
}

// Disks are the disks with a file of their own that a VM has, in the order of its devices.
func (v *VCenter) Disks(ref types.ManagedObjectReference) ([]Disk, error) {
	c, vm, err := v.vm(ref)
	if err != nil {
		return nil, err
	}
	var l []Disk
	for _, file := range filesOf(c, vm) {
		if d, _, ok := v.Disk(file); ok {
			l = append(l, d)
		}
	}
	return l, nil
}

// attachments are the VMs that have a disk, by name.
func (v *VCenter) attachments(file string) []Attachment {
	var l []Attachment
	c := *v.service.Context
	for _, e := range c.Map.All("VirtualMachine") {
		vm, ok := e.(*simulator.VirtualMachine)
		if !ok {
			continue
		}
		c.WithLock(vm, func() {
			if disk := diskOf(vm, file); disk != nil {
				l = append(l, Attachment{VM: identify(&vm.VirtualMachine), Key: disk.Key})
			}
		})
	}
	slices.SortFunc(l, func(a, b Attachment) int { return strings.Compare(a.VM.Name, b.VM.Name) })
	return l
}

// diskOf finds the device of a disk. The VM is locked.
func diskOf(vm *simulator.VirtualMachine, file string) *types.VirtualDisk {
	if vm.Config == nil {
		return nil
	}
	for _, d := range vm.Config.Hardware.Device {
		if disk, ok := d.(*types.VirtualDisk); ok && fileOf(disk) == file {
			return disk
		}
	}
	return nil
}

func fileOf(d *types.VirtualDisk) string {
	if b, ok := d.Backing.(types.BaseVirtualDeviceFileBackingInfo); ok {
		return b.GetVirtualDeviceFileBackingInfo().FileName
	}
	return ""
}

func (v *VCenter) device(ref types.ManagedObjectReference, file string, read func(*types.VirtualDisk)) error {
	c, vm, err := v.vm(ref)
	if err != nil {
		return err
	}
	err = fmt.Errorf("VM %s: got no disk %s", ref.Value, file)
	c.WithLock(vm, func() {
		if disk := diskOf(vm, file); disk != nil {
			read(disk)
			err = nil
		}
	})
	return err
}

// AttachDisk attaches a disk to a VM, at once, and makes it if it has no UUID.
func (v *VCenter) AttachDisk(ref types.ManagedObjectReference, d Disk) error {
	c, vm, err := v.vm(ref)
	if err != nil {
		return err
	}
	spec, err := v.addDisks(c, vm, []Disk{d})
	if err != nil {
		return err
	}
	if _, fault := v.reconfigure(c, vm, types.VirtualMachineConfigSpec{DeviceChange: spec}); fault != nil {
		return fmt.Errorf("attach %s: %s", d.Path, fault.LocalizedMessage)
	}
	return nil
}

// DetachDisk takes a disk off a VM, at once. The disk stays as it is.
func (v *VCenter) DetachDisk(ref types.ManagedObjectReference, file string) error {
	c, vm, err := v.vm(ref)
	if err != nil {
		return err
	}
	if fault := v.detach(c, vm, []string{file}); fault != nil {
		return fmt.Errorf("detach %s: %s", file, fault.LocalizedMessage)
	}
	return nil
}

// detach takes disks off a VM with one reconfiguration, as a client does: the files stay.
func (v *VCenter) detach(c *simulator.Context, vm *simulator.VirtualMachine, files []string) *types.LocalizedMethodFault {
	var changes []types.BaseVirtualDeviceConfigSpec
	c.WithLock(vm, func() {
		for _, f := range files {
			if disk := diskOf(vm, f); disk != nil {
				changes = append(changes, &types.VirtualDeviceConfigSpec{Device: disk, Operation: types.VirtualDeviceConfigSpecOperationRemove})
			}
		}
	})
	if len(changes) == 0 {
		return nil
	}
	_, fault := v.reconfigure(c, vm, types.VirtualMachineConfigSpec{DeviceChange: changes})
	return fault
}

// keep takes off a VM that is about to go what its owner keeps. A fault of ReconfigVM_Task is felt here.
func (v *VCenter) keep(c *simulator.Context, vm *simulator.VirtualMachine) *types.LocalizedMethodFault {
	if v.cfg.Keeps == nil {
		return nil
	}
	name := nameOf(c, vm)
	id := VM{}
	c.WithLock(vm, func() { id = identify(&vm.VirtualMachine) })
	files := v.cfg.Keeps(id)
	if len(files) == 0 {
		return nil
	}
	if hit := v.faults.hit(ofTasks, "ReconfigVM_Task", name); hit.is(Refuse) || hit.is(Fail) {
		return hit.localized()
	}
	if fault := v.detach(c, vm, files); fault != nil {
		return fault
	}
	if v.cfg.OnKept != nil {
		v.cfg.OnKept(id, files)
	}
	return nil
}

// addDisks is the part of a request that attaches disks to a VM.
func (v *VCenter) addDisks(c *simulator.Context, vm *simulator.VirtualMachine, disks []Disk) ([]types.BaseVirtualDeviceConfigSpec, error) {
	var devices object.VirtualDeviceList
	c.WithLock(vm, func() { devices = slices.Clone(vm.Config.Hardware.Device) })
	scsi, err := devices.FindDiskController("")
	if err != nil {
		return nil, err
	}
	var changes []types.BaseVirtualDeviceConfigSpec
	for i, d := range disks {
		if d.UUID == "" {
			if err := v.makeFolder(c, vm, d.Path); err != nil {
				return nil, err
			}
		}
		disk := &types.VirtualDisk{CapacityInKB: int64(d.SizeGiB) << 20, VirtualDevice: types.VirtualDevice{
			Key: int32(-200 - i),
			Backing: &types.VirtualDiskFlatVer2BackingInfo{DiskMode: string(types.VirtualDiskModePersistent), Uuid: d.UUID,
				VirtualDeviceFileBackingInfo: types.VirtualDeviceFileBackingInfo{FileName: d.Path}}}}
		devices.AssignController(disk, scsi)
		if d.Unit != nil {
			disk.UnitNumber = types.NewInt32(*d.Unit)
		}
		devices = append(devices, disk)
		change := &types.VirtualDeviceConfigSpec{Device: disk, Operation: types.VirtualDeviceConfigSpecOperationAdd}
		if d.UUID == "" {
			change.FileOperation = types.VirtualDeviceConfigSpecFileOperationCreate
		}
		changes = append(changes, change)
	}
	return changes, nil
}

func (v *VCenter) makeFolder(c *simulator.Context, vm *simulator.VirtualMachine, file string) error {
	dir := path.Dir(file)
	body := c.Map.FileManager().MakeDirectory(c, &types.MakeDirectory{Name: dir, Datacenter: v.datacenterOf(c, vm), CreateParentDirectories: types.NewBool(true)})
	if f := body.Fault(); f != nil {
		if _, there := f.VimFault().(types.FileAlreadyExists); !there {
			return fmt.Errorf("make folder %s: %s", dir, f.String)
		}
	}
	return nil
}

// datacenterOf is the datacenter that a VM is in.
func (v *VCenter) datacenterOf(c *simulator.Context, vm *simulator.VirtualMachine) *types.ManagedObjectReference {
	for up := vm.Parent; up != nil; {
		switch e := c.Map.Get(*up).(type) {
		case *simulator.Datacenter:
			return &e.Self
		case *simulator.Folder:
			up = e.Parent
		default:
			return nil
		}
	}
	return nil
}

// identities gives the disks of a request their UUIDs: a new one to a disk that is made, and to others the one that
// their file bears. vcsim would make it of the path alone, so that a disk that is made again would be the same disk.
func (v *VCenter) identities(spec *types.VirtualMachineConfigSpec) {
	for _, change := range spec.DeviceChange {
		s := change.GetVirtualDeviceConfigSpec()
		disk, ok := s.Device.(*types.VirtualDisk)
		if !ok || s.Operation != types.VirtualDeviceConfigSpecOperationAdd {
			continue
		}
		b, ok := disk.Backing.(*types.VirtualDiskFlatVer2BackingInfo)
		if !ok || b.FileName == "" || !strings.HasSuffix(b.FileName, ".vmdk") {
			continue
		}
		if s.FileOperation != "" {
			b.Uuid = v.newUUID(b.FileName)
			v.mu.Lock()
			v.disks[b.FileName] = b.Uuid
			v.mu.Unlock()
		} else if id := v.diskUUID(b.FileName); id != "" {
			b.Uuid = id
		}
	}
}

// diskUUID is the identity of a disk that is on a datastore, "" when there is none.
func (v *VCenter) diskUUID(file string) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.disks[file]
}

// lost forgets the disks of a VM that was destroyed with them: vCenter has deleted their files.
func (v *VCenter) lost(files []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, f := range files {
		delete(v.disks, f)
	}
}

// filesOf are the files of all disks of a VM.
func filesOf(c *simulator.Context, vm *simulator.VirtualMachine) []string {
	var l []string
	c.WithLock(vm, func() {
		for _, d := range vm.Config.Hardware.Device {
			if disk, ok := d.(*types.VirtualDisk); ok {
				l = append(l, fileOf(disk))
			}
		}
	})
	return l
}

// locked tells which of the files another VM that is powered on has, as the locks of VMFS do.
func (v *VCenter) locked(c *simulator.Context, vm *simulator.VirtualMachine, files []string) *types.LocalizedMethodFault {
	for _, f := range files {
		if v.diskUUID(f) == "" {
			continue // a disk of a template: vcsim lets its clones share it
		}
		for _, a := range v.attachments(f) {
			other, ok := c.Map.Get(a.VM.Ref).(*simulator.VirtualMachine)
			if !ok || other.Self == vm.Self {
				continue
			}
			on := false
			c.WithLock(other, func() { on = other.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOn })
			if on {
				return localized(&types.FileLocked{FileFault: types.FileFault{File: f}}, "Failed to lock the file "+f)
			}
		}
	}
	return nil
}

// lockedOut refuses a VM that is on a disk that another one has locked.
func (v *VCenter) lockedOut(c *simulator.Context, vm *simulator.VirtualMachine, spec types.VirtualMachineConfigSpec) *types.LocalizedMethodFault {
	on := false
	c.WithLock(vm, func() { on = vm.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOn })
	if !on {
		return nil
	}
	var files []string
	for _, change := range spec.DeviceChange {
		s := change.GetVirtualDeviceConfigSpec()
		if disk, ok := s.Device.(*types.VirtualDisk); ok && s.Operation == types.VirtualDeviceConfigSpecOperationAdd && s.FileOperation == "" {
			files = append(files, fileOf(disk))
		}
	}
	return v.locked(c, vm, files)
}

// DeleteDisk begins a task that deletes the file of a disk, and returns the task's key. It meets the faults of
// DeleteDatastoreFile_Task, which match the disk's path.
func (v *VCenter) DeleteDisk(dc, file string) (task string, err error) {
	ref, ok := v.datacenterRef(dc)
	if !ok {
		return "", fmt.Errorf("datacenter %q not found", dc)
	}
	hit := v.faults.hit(ofTasks, "DeleteDatastoreFile_Task", file)
	if hit.is(Refuse) {
		return "", fmt.Errorf("delete %s: %s", file, hit.localized().LocalizedMessage)
	}
	c := *v.service.Context
	fm := c.Map.FileManager()
	return v.beginFile(&c, c.Map.Get(ref), hit, func(c *simulator.Context) (types.AnyType, *types.LocalizedMethodFault) {
		if v.diskUUID(file) == "" {
			return nil, localized(&types.FileNotFound{FileFault: types.FileFault{File: file}}, "")
		}
		body := fm.DeleteDatastoreFileTask(c, &types.DeleteDatastoreFile_Task{This: fm.Self, Name: file, Datacenter: &ref})
		info := v.events.await(c.Map, body.(*methods.DeleteDatastoreFile_TaskBody).Res.Returnval)
		if info.Error != nil {
			return nil, localized(info.Error.Fault, "")
		}
		v.lost([]string{file})
		return nil, nil
	}), nil
}

// beginFile is begin for a task that deletes a file. Its entity is the datacenter: those of vcsim's file manager are the
// ones that vcsim begins by itself, see events.PutObject.
func (v *VCenter) beginFile(c *simulator.Context, dc mo.Reference, hit *armed,
	run func(*simulator.Context) (types.AnyType, *types.LocalizedMethodFault),
) string {
	const label = "deleteDatastoreFile"
	task := simulator.CreateTask(dc, label, nil)
	task.Info.State = types.TaskInfoStateRunning
	now := v.clock.Now()
	task.Info.QueueTime, task.Info.StartTime = now, &now
	c.Map.Put(task)
	task.Info.Key, task.Info.Task = task.Self.Value, task.Self
	finish := func() { v.finish(c, task, hit, run) }
	start := func() { v.after("vcenter/"+label, v.cfg.Durations.Reconfigure, finish) }
	if hit.is(Hold) {
		hit.hold(start)
	} else {
		start()
	}
	return task.Self.Value
}

// TaskState is how a task of DeleteDisk stands. done is false while it runs; fault is nil after a success.
func (v *VCenter) TaskState(key string) (done bool, fault *types.LocalizedMethodFault, err error) {
	c := *v.service.Context
	task, ok := c.Map.Get(types.ManagedObjectReference{Type: "Task", Value: key}).(*simulator.Task)
	if !ok {
		return false, nil, fmt.Errorf("task %s: not found", key)
	}
	c.WithLock(task, func() { done, fault = ended(task.Info), task.Info.Error })
	return done, fault, nil
}

func (v *VCenter) datacenterRef(name string) (types.ManagedObjectReference, bool) {
	c := *v.service.Context
	for _, e := range c.Map.All("Datacenter") {
		if dc, ok := e.(*simulator.Datacenter); ok && (name == "" || name == "*" || dc.Name == path.Base(name)) {
			return dc.Self, true
		}
	}
	return types.ManagedObjectReference{}, false
}

// DefaultDatastore is the name of the datastore that a datacenter uses where nobody says which.
func (v *VCenter) DefaultDatastore(dc string) string {
	full := v.layout.datacenter(strings.Trim(dc, "/*"))
	if full == "" {
		full = v.layout.datacenters[0]
	}
	return path.Base(v.layout.first(full, datastores))
}
