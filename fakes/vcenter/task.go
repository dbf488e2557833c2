package vcenter

import (
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// job is a task of a VM: what it takes and what it does in the end.
type job struct {
	method string // as in Fault.Method
	label  string // vcsim's name of the task
	vm     *simulator.VirtualMachine
	target string // the name that faults match; empty: the VM's
	takes  time.Duration
	run    func(*simulator.Context) (types.AnyType, *types.LocalizedMethodFault)
}

// begin answers a call with a task that stays "running" until its time has passed, and only then does the work.
// vcsim's own TaskDelay sleeps in real time, is global to the process and keeps the VM locked meanwhile.
func (v *VCenter) begin(ctx *simulator.Context, j job) (types.ManagedObjectReference, *soap.Fault) {
	c := *ctx // vcsim takes the pointer for the owner of locks, and the request's locks end with the request
	name := nameOf(&c, j.vm)
	if j.target == "" {
		j.target = name
	}
	hit := v.faults.hit(ofTasks, j.method, j.target)
	if hit.is(Refuse) {
		return types.ManagedObjectReference{}, simulator.Fault(hit.localized().LocalizedMessage, hit.Err)
	}
	if slow := v.faults.hit(ofTime, j.method, j.target); slow != nil {
		j.takes *= time.Duration(slow.Factor)
	}
	task := simulator.CreateTask(j.vm, j.label, nil)
	task.Info.State = types.TaskInfoStateRunning
	task.Info.EntityName = name
	now := v.clock.Now()
	task.Info.QueueTime, task.Info.StartTime = now, &now
	c.Map.Put(task) // gives it its reference
	task.Info.Key, task.Info.Task = task.Self.Value, task.Self

	what := "vcenter/" + j.label + " " + j.target
	finish := func() {
		v.finish(&c, task, hit, func(c *simulator.Context) (types.AnyType, *types.LocalizedMethodFault) {
			if c.Map.Get(j.vm.Self) == nil {
				return nil, localized(&types.ManagedObjectNotFound{Obj: j.vm.Self}, "")
			}
			return j.run(c)
		})
	}
	start := func() { v.after(what, j.takes, finish) }
	if hit.is(Hold) {
		hit.hold(start)
	} else {
		start()
	}
	return task.Self, nil
}

// after is Clock.After, but what takes no time does not wait for the clock to move.
func (v *VCenter) after(what string, d time.Duration, fn func()) {
	if d > 0 {
		v.clock.After(what, d, fn)
		return
	}
	done := v.clock.Busy(what)
	go func() {
		defer done()
		fn()
	}()
}

// finish does a task's work and publishes how it ended.
func (v *VCenter) finish(c *simulator.Context, task *simulator.Task, hit *armed,
	run func(*simulator.Context) (types.AnyType, *types.LocalizedMethodFault),
) {
	if v.isClosed() {
		return
	}
	result, fault := types.AnyType(nil), (*types.LocalizedMethodFault)(nil)
	if hit.is(Fail) {
		fault = hit.localized()
	} else {
		result, fault = run(c)
	}
	if hit.is(Lose) && fault == nil {
		result, fault = nil, hit.localized()
	}
	changes := []types.PropertyChange{{Name: "info.completeTime", Val: v.clock.Now()}}
	switch {
	case fault != nil:
		changes = append(changes, types.PropertyChange{Name: "info.error", Val: *fault},
			types.PropertyChange{Name: "info.state", Val: types.TaskInfoStateError})
	case result != nil:
		changes = append(changes, types.PropertyChange{Name: "info.result", Val: result})
		fallthrough
	default:
		changes = append(changes, types.PropertyChange{Name: "info.state", Val: types.TaskInfoStateSuccess})
	}
	v.readers.changed(task.Self, changes)
	c.Map.AtomicUpdate(c, task, changes)
}

// inner runs one of vcsim's own tasks on a VM to its end.
func (v *VCenter) inner(c *simulator.Context, vm *simulator.VirtualMachine,
	start func() (types.ManagedObjectReference, *soap.Fault),
) (types.AnyType, *types.LocalizedMethodFault) {
	var ref types.ManagedObjectReference
	var fault *soap.Fault
	c.WithLock(vm, func() { ref, fault = start() })
	if fault != nil {
		err, ok := fault.VimFault().(types.BaseMethodFault)
		if !ok {
			err = &types.SystemError{Reason: fault.String}
		}
		return nil, localized(err, fault.String)
	}
	info := v.events.await(c.Map, ref)
	if info.Error != nil {
		return nil, localized(info.Error.Fault, "")
	}
	return info.Result, nil
}

func (v *VCenter) isClosed() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.closed
}
