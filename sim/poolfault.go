package sim

import (
	"fmt"
	"slices"
	"sync"

	"github.com/vmware/govmomi/vim25/types"

	"github.com/rehearse-dev/rehearse/fakes/vcenter"
)

// poolFaults are what faults may do to machine config pools, and whom they tell. The zero value is ready.
type poolFaults struct {
	mu        sync.Mutex
	listeners []*func(pool, who, why string)
	grab      func(file string) // takes the next disk that comes off a machine, nil: nobody
}

// refused is the provider's word that somebody got no slot.
func (f *poolFaults) refused(pool, who, why string) {
	f.mu.Lock()
	all := slices.Clone(f.listeners)
	f.mu.Unlock()
	for _, on := range all {
		(*on)(pool, who, why)
	}
}

// kept is vCenter's word that disks were taken off a machine that goes.
func (f *poolFaults) kept(_ vcenter.VM, files []string) {
	f.mu.Lock()
	grab := f.grab
	f.grab = nil
	f.mu.Unlock()
	if grab != nil && len(files) > 0 {
		grab(files[0])
	}
}

// OnNoSlot implements fault.Pools.
func (t *Twin) OnNoSlot(on func(pool, who, why string)) (stop func()) {
	f := &t.poolFaults
	f.mu.Lock()
	defer f.mu.Unlock()
	f.listeners = append(f.listeners, &on)
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.listeners = slices.DeleteFunc(f.listeners, func(x *func(pool, who, why string)) bool { return x == &on })
	}
}

// proxy is the VM that grabs disks.
const proxy = "backup-proxy"

// GrabDisk implements fault.Pools.
func (t *Twin) GrabDisk(hit func(disk, vm string)) (release func() error, err error) {
	vm, err := t.stranger(vcenter.VMSpec{Name: proxy})
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	held := ""
	f := &t.poolFaults
	f.mu.Lock()
	defer f.mu.Unlock()
	f.grab = func(file string) {
		d, _, _ := t.vcenter.Disk(file)
		if err := t.vcenter.AttachDisk(vm.Ref, d); err != nil {
			t.fail(fmt.Errorf("%s: grab disk %s: %w", proxy, file, err)) // else the fault would seem never to have come
			return
		}
		mu.Lock()
		held = file
		mu.Unlock()
		hit(file, proxy)
	}
	return func() error {
		f.mu.Lock()
		f.grab = nil
		f.mu.Unlock()
		mu.Lock()
		defer mu.Unlock()
		if held == "" {
			return nil
		}
		if _, on, _ := t.vcenter.Disk(held); !slices.ContainsFunc(on, func(a vcenter.Attachment) bool { return a.VM.Ref == vm.Ref }) {
			return nil // somebody has detached it
		}
		return t.vcenter.DetachDisk(vm.Ref, held)
	}, nil
}

// FailReclaims implements fault.Pools.
func (t *Twin) FailReclaims(message string, hit func(disk string)) (heal func()) {
	return t.vcenter.Inject(vcenter.Fault{Method: "DeleteDatastoreFile_Task", Effect: vcenter.Fail, Err: &types.NoPermission{}, Message: message, Fired: hit})
}
