package vcenter

import (
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// desk is a managed object that answers, in place of VMs, the methods that take time, and in place of property
// collectors the wait for updates.
//
// vcsim's Registry.Handler sees every call first, but the object that it returns is ignored for calls with a session
// (Service.call asks Session.Get again). What it may do is change the call's target: receive addresses such calls to
// the desk, and their body still names the VM.
type desk struct {
	mo.ExtensibleManagedObject // vcsim's searches expect a type of package mo in whatever is registered
	v                          *VCenter
}

var deskRef = types.ManagedObjectReference{Type: "RehearseDesk", Value: "rehearse-desk"}

// Lock and Unlock opt out of vcsim's one call at a time per object: the desk has no state.
func (d *desk) Lock() {}

// Unlock is for sync.Locker.
func (d *desk) Unlock() {}

// slow are the methods that the desk answers for VMs.
var slow = map[string]bool{
	"CloneVM_Task": true, "PowerOnVM_Task": true, "PowerOffVM_Task": true, "ReconfigVM_Task": true,
	"Destroy_Task": true, "ShutdownGuest": true,
}

// receive is vcsim's Registry.Handler.
func (d *desk) receive(ctx *simulator.Context, m *simulator.Method) (mo.Reference, types.BaseMethodFault) {
	if ctx.Session != nil && ctx.Session.UserName == "" {
		return nil, nil // our own calls come without a login
	}
	if d.v.cfg.OnCall != nil {
		d.v.cfg.OnCall(m.Name)
	}
	if h, fault, refused := d.session(m); refused {
		return h, fault
	}
	vm, isVM := ctx.Map.Get(m.This).(*simulator.VirtualMachine)
	if ctx.Session != nil {
		switch body := m.Body.(type) {
		case *types.CreateFilter:
			d.v.readers.watch(m.This, body.Spec)
		case *types.DestroyPropertyCollector:
			d.v.readers.drop(m.This)
		case *types.WaitForUpdatesEx:
			m.This = d.Self
		}
		if isVM && slow[m.Name] {
			m.This = d.Self // the desk asks for faults itself: it knows the name of a clone
			return nil, nil
		}
	}
	name := ""
	if isVM {
		name = nameOf(ctx, vm)
	}
	if f := d.v.faults.hit(ofCalls, m.Name, name); f.is(Refuse) {
		return nil, f.Err
	}
	return nil, nil
}

// session refuses calls of an account that is not accepted any more. A login is answered by the desk, which says why.
func (d *desk) session(m *simulator.Method) (h mo.Reference, _ types.BaseMethodFault, refused bool) {
	if m.Name == "RetrieveServiceContent" || m.Name == "WaitForUpdatesEx" || d.v.faults.hit(ofSessions, "", m.Name) == nil {
		return nil, nil, false
	}
	if m.Name == "Login" {
		return d, nil, true
	}
	return nil, &types.NotAuthenticated{NoPermission: types.NoPermission{Object: &m.This, PrivilegeId: "System.View"}}, true
}

// Login is only asked for while the account is not accepted.
func (d *desk) Login(*simulator.Context, *types.Login) soap.HasFault {
	return &methods.LoginBody{Fault_: simulator.Fault("Cannot complete login due to an incorrect user name or password.",
		&types.InvalidLogin{})}
}

func nameOf(ctx *simulator.Context, vm *simulator.VirtualMachine) (name string) {
	ctx.WithLock(vm, func() { name = vm.Name })
	return name
}

// vm returns the VM that a call was meant for; receive has checked that there was one.
func (d *desk) vm(ctx *simulator.Context, ref types.ManagedObjectReference) *simulator.VirtualMachine {
	vm, _ := ctx.Map.Get(ref).(*simulator.VirtualMachine)
	return vm
}

// CloneVMTask makes a VM from a template or another VM.
func (d *desk) CloneVMTask(ctx *simulator.Context, r *types.CloneVM_Task) soap.HasFault {
	vm := d.vm(ctx, r.This)
	ref, fault := d.v.begin(ctx, job{
		method: "CloneVM_Task", label: "cloneVm", vm: vm, target: r.Name, takes: d.v.cfg.Durations.Clone,
		run: func(c *simulator.Context) (types.AnyType, *types.LocalizedMethodFault) { return d.v.clone(c, vm, *r) },
	})
	if fault != nil {
		return &methods.CloneVM_TaskBody{Fault_: fault}
	}
	return &methods.CloneVM_TaskBody{Res: &types.CloneVM_TaskResponse{Returnval: ref}}
}

// PowerOnVMTask powers a VM on.
func (d *desk) PowerOnVMTask(ctx *simulator.Context, r *types.PowerOnVM_Task) soap.HasFault {
	vm := d.vm(ctx, r.This)
	ref, fault := d.v.begin(ctx, job{
		method: "PowerOnVM_Task", label: "powerOn", vm: vm, takes: d.v.cfg.Durations.PowerOn,
		run: func(c *simulator.Context) (types.AnyType, *types.LocalizedMethodFault) { return d.v.powerOn(c, vm) },
	})
	if fault != nil {
		return &methods.PowerOnVM_TaskBody{Fault_: fault}
	}
	return &methods.PowerOnVM_TaskBody{Res: &types.PowerOnVM_TaskResponse{Returnval: ref}}
}

// PowerOffVMTask pulls the plug.
func (d *desk) PowerOffVMTask(ctx *simulator.Context, r *types.PowerOffVM_Task) soap.HasFault {
	vm := d.vm(ctx, r.This)
	ref, fault := d.v.begin(ctx, job{
		method: "PowerOffVM_Task", label: "powerOff", vm: vm, takes: d.v.cfg.Durations.PowerOff,
		run: func(c *simulator.Context) (types.AnyType, *types.LocalizedMethodFault) {
			if fault := d.v.keep(c, vm); fault != nil {
				return nil, fault
			}
			return d.v.powerOff(c, vm)
		},
	})
	if fault != nil {
		return &methods.PowerOffVM_TaskBody{Fault_: fault}
	}
	return &methods.PowerOffVM_TaskBody{Res: &types.PowerOffVM_TaskResponse{Returnval: ref}}
}

// ReconfigVMTask changes a VM's configuration.
func (d *desk) ReconfigVMTask(ctx *simulator.Context, r *types.ReconfigVM_Task) soap.HasFault {
	vm := d.vm(ctx, r.This)
	ref, fault := d.v.begin(ctx, job{
		method: "ReconfigVM_Task", label: "reconfigVm", vm: vm, takes: d.v.cfg.Durations.Reconfigure,
		run: func(c *simulator.Context) (types.AnyType, *types.LocalizedMethodFault) {
			return d.v.reconfigure(c, vm, r.Spec)
		},
	})
	if fault != nil {
		return &methods.ReconfigVM_TaskBody{Fault_: fault}
	}
	return &methods.ReconfigVM_TaskBody{Res: &types.ReconfigVM_TaskResponse{Returnval: ref}}
}

// DestroyTask deletes a VM and its files.
func (d *desk) DestroyTask(ctx *simulator.Context, r *types.Destroy_Task) soap.HasFault {
	vm := d.vm(ctx, r.This)
	ref, fault := d.v.begin(ctx, job{
		method: "Destroy_Task", label: "destroy", vm: vm, takes: d.v.cfg.Durations.Destroy,
		run: func(c *simulator.Context) (types.AnyType, *types.LocalizedMethodFault) {
			if fault := d.v.keep(c, vm); fault != nil {
				return nil, fault
			}
			return d.v.destroy(c, vm)
		},
	})
	if fault != nil {
		return &methods.Destroy_TaskBody{Fault_: fault}
	}
	return &methods.Destroy_TaskBody{Res: &types.Destroy_TaskResponse{Returnval: ref}}
}

// ShutdownGuest asks the guest to power off; the call returns at once and there is no task to wait for.
func (d *desk) ShutdownGuest(ctx *simulator.Context, r *types.ShutdownGuest) soap.HasFault {
	vm := d.vm(ctx, r.This)
	if fault := d.v.shutdown(ctx, vm); fault != nil {
		return &methods.ShutdownGuestBody{Fault_: fault}
	}
	return &methods.ShutdownGuestBody{Res: &types.ShutdownGuestResponse{}}
}

// slice bounds one wait inside vcsim, whose loop does not notice that its client has gone or that we have closed.
const slice = time.Second

// WaitForUpdatesEx is the property collector's long poll.
func (d *desk) WaitForUpdatesEx(ctx *simulator.Context, r *types.WaitForUpdatesEx) soap.HasFault {
	limit := -1 // slices; negative: until there is an update
	if r.Options != nil && r.Options.MaxWaitSeconds != nil {
		limit = int(*r.Options.MaxWaitSeconds)
	}
	asked := d.v.cuts.Load()
	for n := 1; ; n++ {
		pc, ok := ctx.Session.Get(r.This).(*simulator.PropertyCollector)
		if !ok || d.v.readers.isClosed() || d.v.cuts.Load() != asked {
			d.v.readers.drop(r.This)
			return &methods.WaitForUpdatesExBody{Fault_: simulator.Fault("", &types.RequestCanceled{})}
		}
		part := *r
		if limit != 0 {
			part.Options = boundedBy(r.Options, slice)
		}
		body := pc.WaitForUpdatesEx(ctx, &part).(*methods.WaitForUpdatesExBody)
		if d.v.cuts.Load() != asked {
			continue
		}
		if r.Version != "" && body.Res != nil && body.Res.Returnval != nil {
			d.v.readers.served(r.This)
		}
		if body.Res == nil || body.Res.Returnval != nil || limit >= 0 && n >= limit {
			return body
		}
	}
}

func boundedBy(o *types.WaitOptions, d time.Duration) *types.WaitOptions {
	bounded := types.WaitOptions{}
	if o != nil {
		bounded = *o
	}
	bounded.MaxWaitSeconds = types.NewInt32(int32(d / time.Second))
	return &bounded
}
