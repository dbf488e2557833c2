package vcenter

import (
	"fmt"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

func (v *VCenter) powerOn(c *simulator.Context, vm *simulator.VirtualMachine,
) (types.AnyType, *types.LocalizedMethodFault) {
	if fault := v.locked(c, vm, filesOf(c, vm)); fault != nil {
		return nil, fault
	}
	return v.inner(c, vm, func() (types.ManagedObjectReference, *soap.Fault) {
		b := vm.PowerOnVMTask(c, &types.PowerOnVM_Task{This: vm.Self}).(*methods.PowerOnVM_TaskBody)
		if b.Res == nil {
			return types.ManagedObjectReference{}, b.Fault_
		}
		return b.Res.Returnval, nil
	})
}

func (v *VCenter) powerOff(c *simulator.Context, vm *simulator.VirtualMachine,
) (types.AnyType, *types.LocalizedMethodFault) {
	_, fault := v.inner(c, vm, func() (types.ManagedObjectReference, *soap.Fault) {
		b := vm.PowerOffVMTask(c, &types.PowerOffVM_Task{This: vm.Self}).(*methods.PowerOffVM_TaskBody)
		if b.Res == nil {
			return types.ManagedObjectReference{}, b.Fault_
		}
		return b.Res.Returnval, nil
	})
	if fault == nil {
		v.toolsGone(c, vm)
	}
	return nil, fault
}

// shutdown is ShutdownGuest: refused unless VMware Tools runs, and honoured when the guest has had its time. A VM
// that is off by then stays off.
func (v *VCenter) shutdown(ctx *simulator.Context, vm *simulator.VirtualMachine) *soap.Fault {
	c := *ctx
	name, on, tools := "", false, ""
	c.WithLock(vm, func() {
		name, tools = vm.Name, vm.Guest.ToolsRunningStatus
		on = vm.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOn
	})
	hit := v.faults.hit(ofTasks, "ShutdownGuest", name)
	switch {
	case hit.is(Refuse):
		return simulator.Fault(hit.localized().LocalizedMessage, hit.Err)
	case !on:
		return simulator.Fault("", &types.InvalidPowerState{
			RequestedState: types.VirtualMachinePowerStatePoweredOn, ExistingState: vm.Runtime.PowerState,
		})
	case tools != string(types.VirtualMachineToolsRunningStatusGuestToolsRunning):
		return simulator.Fault("", &types.ToolsUnavailable{})
	case hit.is(Fail), hit.is(Lose): // the guest was asked and does not heed it
		return nil
	}
	off := func() {
		if !v.isClosed() && c.Map.Get(vm.Self) != nil && v.keep(&c, vm) == nil {
			_, _ = v.powerOff(&c, vm) // fails when it is off already, which is as good
		}
	}
	start := func() { v.after("vcenter/shutdownGuest "+name, v.cfg.Durations.Shutdown, off) }
	if hit.is(Hold) {
		hit.hold(start)
	} else {
		start()
	}
	return nil
}

// SetIP does what VMware Tools in the guest does once the network is up: it reports an address for the first NIC, and
// that the guest can be asked to shut down. All properties change in one update, as the provider reads them together.
func (v *VCenter) SetIP(ref types.ManagedObjectReference, ip string) error {
	c, vm, err := v.vm(ref)
	if err != nil {
		return err
	}
	c.WithLock(vm, func() {
		if len(vm.Guest.Net) == 0 {
			err = fmt.Errorf("VM %s: got no network card, want one to report an address for", vm.Name)
			return
		}
		net := append([]types.GuestNicInfo{}, vm.Guest.Net...)
		net[0].IpAddress, net[0].Connected = []string{ip}, true
		vm.Guest.GuestStateChangeSupported = types.NewBool(true) // vcsim cannot update a pointer twice
		changes := guestProperties(ip, net, true)
		v.readers.changed(ref, changes)
		c.Update(vm, changes)
	})
	return err
}

// toolsGone takes back what SetIP reported.
func (v *VCenter) toolsGone(c *simulator.Context, vm *simulator.VirtualMachine) {
	c.WithLock(vm, func() {
		net := append([]types.GuestNicInfo{}, vm.Guest.Net...)
		for i := range net {
			net[i].IpAddress, net[i].Connected = nil, false
		}
		vm.Guest.GuestStateChangeSupported = types.NewBool(false)
		c.Update(vm, guestProperties("", net, false))
	})
}

func guestProperties(ip string, net []types.GuestNicInfo, running bool) []types.PropertyChange {
	status, state := types.VirtualMachineToolsStatusToolsNotRunning, types.VirtualMachineGuestStateNotRunning
	tools := types.VirtualMachineToolsRunningStatusGuestToolsNotRunning
	if running {
		status, state = types.VirtualMachineToolsStatusToolsOk, types.VirtualMachineGuestStateRunning
		tools = types.VirtualMachineToolsRunningStatusGuestToolsRunning
	}
	return []types.PropertyChange{
		{Name: "guest.ipAddress", Val: ip},
		{Name: "summary.guest.ipAddress", Val: ip},
		{Name: "guest.net", Val: net},
		{Name: "guest.toolsStatus", Val: status},
		{Name: "guest.toolsRunningStatus", Val: string(tools)},
		{Name: "guest.guestState", Val: string(state)},
	}
}
