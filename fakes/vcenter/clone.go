package vcenter

import (
	"maps"
	"slices"
	"strconv"

	"github.com/google/uuid"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// clone does the work of CloneVM_Task and remembers where the VM comes from.
//
// vcsim@v0.53.0 applies the specification's devices, but writes the rest of its Config (instance uuid, CPUs, memory,
// guestinfo) to a copy that it throws away; clone applies that with a second, immediate reconfiguration. The BIOS uuid
// is new for every clone, as in vCenter, and not a function of the path alone as in vcsim: a VM that is made again
// under its old name is another VM.
func (v *VCenter) clone(c *simulator.Context, src *simulator.VirtualMachine, r types.CloneVM_Task,
) (types.AnyType, *types.LocalizedMethodFault) {
	extra, err := v.extraOf(r.Name)
	if err != nil {
		return nil, localized(&types.SystemError{Reason: err.Error()}, err.Error())
	}
	template := r.Spec.Template
	r.Spec.Template = false // vcsim would refuse the reconfiguration of a template
	if r.Spec.Location.Host == nil && r.Spec.Location.Pool != nil {
		r.Spec.Location.Host = v.leastLoadedHost(c, *r.Spec.Location.Pool)
	}
	res, fault := v.inner(c, src, func() (types.ManagedObjectReference, *soap.Fault) {
		b := src.CloneVMTask(c, &r).(*methods.CloneVM_TaskBody)
		if b.Res == nil {
			return types.ManagedObjectReference{}, b.Fault_
		}
		return b.Res.Returnval, nil
	})
	if fault != nil {
		return nil, fault
	}
	ref := res.(types.ManagedObjectReference)
	vm := c.Map.Get(ref).(*simulator.VirtualMachine)
	rest := types.VirtualMachineConfigSpec{}
	if r.Spec.Config != nil {
		rest = *r.Spec.Config
		rest.DeviceChange = nil
	}
	if rest.Uuid == "" {
		rest.Uuid = v.newUUID(r.Name)
	}
	if _, fault := v.reconfigure(c, vm, rest); fault != nil {
		return nil, fault
	}
	if fault := v.addExtra(c, vm, extra); fault != nil {
		_, _ = v.destroy(c, vm) // a clone that fails leaves nothing
		return nil, fault
	}
	if template {
		c.WithLock(vm, func() { vm.MarkAsTemplate(&types.MarkAsTemplate{This: ref}) })
	}
	v.inherit(ref, src.Self)
	return ref, nil
}

func (v *VCenter) extraOf(name string) (Extra, error) {
	if v.cfg.OnClone == nil {
		return Extra{}, nil
	}
	return v.cfg.OnClone(name)
}

// addExtra gives a VM what its clone gets besides the request.
func (v *VCenter) addExtra(c *simulator.Context, vm *simulator.VirtualMachine, x Extra) *types.LocalizedMethodFault {
	spec := types.VirtualMachineConfigSpec{}
	for _, k := range slices.Sorted(maps.Keys(x.ExtraConfig)) {
		spec.ExtraConfig = append(spec.ExtraConfig, &types.OptionValue{Key: k, Value: x.ExtraConfig[k]})
	}
	var err error
	if spec.DeviceChange, err = v.addDisks(c, vm, x.Disks); err != nil {
		return localized(&types.SystemError{Reason: err.Error()}, err.Error())
	}
	if len(spec.ExtraConfig)+len(spec.DeviceChange) == 0 {
		return nil
	}
	_, fault := v.reconfigure(c, vm, spec)
	return fault
}

func (v *VCenter) reconfigure(c *simulator.Context, vm *simulator.VirtualMachine, spec types.VirtualMachineConfigSpec,
) (types.AnyType, *types.LocalizedMethodFault) {
	if fault := v.lockedOut(c, vm, spec); fault != nil {
		return nil, fault
	}
	v.identities(&spec)
	return v.inner(c, vm, func() (types.ManagedObjectReference, *soap.Fault) {
		r := types.ReconfigVM_Task{This: vm.Self, Spec: spec}
		return vm.ReconfigVMTask(c, &r).(*methods.ReconfigVM_TaskBody).Res.Returnval, nil
	})
}

func (v *VCenter) destroy(c *simulator.Context, vm *simulator.VirtualMachine,
) (types.AnyType, *types.LocalizedMethodFault) {
	files := filesOf(c, vm)
	res, fault := v.inner(c, vm, func() (types.ManagedObjectReference, *soap.Fault) {
		return vm.DestroyTask(c, &types.Destroy_Task{This: vm.Self}).(*methods.Destroy_TaskBody).Res.Returnval, nil
	})
	v.events.awaitFiles(c.Map)
	if fault == nil {
		v.lost(files) // the disks that were attached went with it
	}
	return res, fault
}

// leastLoadedHost stands for DRS: of the hosts of the pool's cluster, the first with the fewest VMs.
func (v *VCenter) leastLoadedHost(c *simulator.Context, pool types.ManagedObjectReference,
) *types.ManagedObjectReference {
	p, ok := c.Map.Get(pool).(*simulator.ResourcePool)
	if !ok {
		return nil
	}
	cluster, ok := c.Map.Get(p.Owner).(*simulator.ClusterComputeResource)
	if !ok {
		return nil
	}
	var best *types.ManagedObjectReference
	fewest := 0
	for _, ref := range cluster.Host {
		h := c.Map.Get(ref).(*simulator.HostSystem)
		n := 0
		c.WithLock(h, func() { n = len(h.Vm) })
		if best == nil || n < fewest {
			best, fewest = &ref, n
		}
	}
	return best
}

// uuidSpace makes our BIOS uuids differ from everybody else's.
var uuidSpace = uuid.MustParse("0e7d6f2a-5b1c-4a55-9d0e-2f3c86a1b7d4")

// newUUID depends on the name and on how often it was used, so that equal runs have equal uuids.
func (v *VCenter) newUUID(name string) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.clones[name]++
	return uuid.NewSHA1(uuidSpace, []byte(name+"/"+strconv.Itoa(v.clones[name]))).String()
}
