package vcenter

import (
	"maps"
	"slices"
	"sync"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// VM is a virtual machine as its hooks are told of it.
type VM struct {
	Ref       types.ManagedObjectReference
	Name      string
	UUID      string // of the BIOS; "vsphere://" + UUID is the node's provider id
	NumCPUs   int64
	MemoryMiB int64
}

// events hears from vcsim of every change of an object. It tells the configured hooks about VMs, and whoever waits
// for one of vcsim's tasks that it has ended.
type events struct {
	v *VCenter

	mu      sync.Mutex
	waiting map[types.ManagedObjectReference][]chan struct{} // for a task to end
	files   map[types.ManagedObjectReference]bool            // tasks that delete files, while they run
	told    map[types.ManagedObjectReference]chan struct{}   // closed when the last hook of a VM has returned
}

func (e *events) start(v *VCenter) {
	e.v, e.waiting = v, map[types.ManagedObjectReference][]chan struct{}{}
	e.files, e.told = map[types.ManagedObjectReference]bool{}, map[types.ManagedObjectReference]chan struct{}{}
}

// Reference makes events a simulator.RegisterObject; it is not in the inventory.
func (e *events) Reference() types.ManagedObjectReference {
	return types.ManagedObjectReference{Type: "RehearseEvents", Value: "rehearse-events"}
}

// PutObject notes the tasks that nobody waits for; see awaitFiles.
func (e *events) PutObject(_ *simulator.Context, o mo.Reference) {
	if t, ok := o.(*simulator.Task); ok && t.Info.Entity != nil && t.Info.Entity.Type == "FileManager" {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.files[t.Self] = true
	}
}

// UpdateObject is called while the object is locked. vcsim passes the embedded mo object, not its own wrapper.
func (e *events) UpdateObject(_ *simulator.Context, o mo.Reference, changes []types.PropertyChange) {
	for _, c := range changes {
		switch o := o.(type) {
		case *mo.Task:
			if c.Name == "info.state" && ended(o.Info) {
				e.taskEnded(o.Self)
			}
		case *mo.VirtualMachine:
			if c.Name == "runtime.powerState" {
				e.power(o, c.Val == types.VirtualMachinePowerStatePoweredOn)
			}
		}
	}
}

// RemoveObject is called before the object goes.
func (e *events) RemoveObject(ctx *simulator.Context, ref types.ManagedObjectReference) {
	vm, ok := ctx.Map.Get(ref).(*simulator.VirtualMachine)
	if !ok {
		return
	}
	e.v.forget(ref)
	if vm.Config.Template || e.v.cfg.OnRemove == nil {
		return
	}
	id := identify(&vm.VirtualMachine)
	e.tell("vcenter/remove "+vm.Name, vm.Self, func() { e.v.cfg.OnRemove(id) })
}

func (e *events) power(vm *mo.VirtualMachine, on bool) {
	if e.v.cfg.OnPower == nil || e.v.isQuiet(vm.Self) {
		return
	}
	id := identify(vm)
	e.tell("vcenter/power "+vm.Name, vm.Self, func() { e.v.cfg.OnPower(id, on) })
}

// tell calls a hook when those that were called before for the VM have returned: off and on must not change places.
func (e *events) tell(what string, vm types.ManagedObjectReference, hook func()) {
	done, told := e.v.clock.Busy(what), make(chan struct{})
	e.mu.Lock()
	before := e.told[vm]
	e.told[vm] = told
	e.mu.Unlock()
	go func() {
		defer done()
		if before != nil {
			<-before
		}
		hook()
		close(told)
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.told[vm] == told {
			delete(e.told, vm)
		}
	}()
}

func identify(vm *mo.VirtualMachine) VM {
	h := vm.Config.Hardware
	return VM{Ref: vm.Self, Name: vm.Name, UUID: vm.Config.Uuid, NumCPUs: int64(h.NumCPU), MemoryMiB: int64(h.MemoryMB)}
}

func ended(i types.TaskInfo) bool {
	return i.State == types.TaskInfoStateSuccess || i.State == types.TaskInfoStateError
}

func (e *events) taskEnded(ref types.ManagedObjectReference) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, ch := range e.waiting[ref] {
		close(ch)
	}
	delete(e.waiting, ref)
	delete(e.files, ref)
}

// await blocks until one of vcsim's own tasks has ended; those take microseconds. vcsim's Task.Wait would poll.
func (e *events) await(m *simulator.Registry, ref types.ManagedObjectReference) (info types.TaskInfo) {
	ch := make(chan struct{})
	e.mu.Lock()
	e.waiting[ref] = append(e.waiting[ref], ch)
	e.mu.Unlock()
	task := m.Get(ref).(*simulator.Task)
	read := func() bool { // its own Context: the task's goroutine updates it under another one
		m.WithLock(&simulator.Context{}, task, func() { info = task.Info })
		return ended(info)
	}
	if !read() {
		<-ch
		read()
	}
	e.taskEnded(ref) // nobody else will: it has ended
	return info
}

// awaitFiles blocks until the files of destroyed VMs are gone. vcsim's DestroyTask deletes them in a task of its own
// that it does not wait for, and that would take the files of a new VM under the same name with it.
func (e *events) awaitFiles(m *simulator.Registry) {
	e.mu.Lock()
	running := slices.Collect(maps.Keys(e.files))
	e.mu.Unlock()
	for _, ref := range running {
		e.await(m, ref)
	}
}
