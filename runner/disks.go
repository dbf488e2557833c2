package runner

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/vmware/govmomi/view"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

// disks is the observer's session in the site's vCenter: the host's is that of the runbook.
type disks struct {
	site Site

	mu      sync.Mutex
	session *vcenter
}

// on implements check.Scope.Disks.
func (d *disks) on(ctx context.Context, paths []string) ([]journal.Disk, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	// Not a deadline: it would be an instant of time.Now, which follows a twin's jumps. A timer is real.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer time.AfterFunc(patience, cancel).Stop()
	for range 2 {
		if d.session == nil {
			s, err := logIn(ctx, d.site)
			if err != nil {
				return nil, err
			}
			d.session = s
		}
		l, err := d.session.disks(ctx, paths)
		if !expired(err) {
			return l, err
		}
		d.session = nil
	}
	return nil, errExpired
}

func (d *disks) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.session != nil {
		d.session.close()
	}
}

// disks asks for the devices of all VMs in one request. A disk that no VM has is told as such.
func (v *vcenter) disks(ctx context.Context, paths []string) ([]journal.Disk, error) {
	all, err := view.NewManager(v.client.Client).CreateContainerView(ctx, v.client.ServiceContent.RootFolder, []string{"VirtualMachine"}, true)
	if err != nil {
		return nil, err
	}
	defer func() { _ = all.Destroy(ctx) }()
	var vms []mo.VirtualMachine
	if err := all.Retrieve(ctx, []string{"VirtualMachine"}, []string{"name", "config.hardware.device"}, &vms); err != nil {
		return nil, err
	}
	l := make([]journal.Disk, 0, len(paths))
	for _, p := range paths {
		l = append(l, journal.Disk{Path: p})
	}
	slices.SortFunc(vms, func(a, b mo.VirtualMachine) int { return cmp.Compare(a.Name, b.Name) })
	for _, vm := range vms {
		if vm.Config == nil { // it is being cloned
			continue
		}
		for _, device := range vm.Config.Hardware.Device {
			path, id := backing(device)
			if i := slices.Index(paths, path); i >= 0 {
				l[i].UUID, l[i].VMs = id, append(l[i].VMs, unescape(vm.Name))
			}
		}
	}
	return l, nil
}

// backing is the file of a virtual disk and the identity that it bears.
func backing(d types.BaseVirtualDevice) (path, id string) {
	disk, ok := d.(*types.VirtualDisk)
	if !ok {
		return "", ""
	}
	switch b := disk.Backing.(type) {
	case *types.VirtualDiskFlatVer2BackingInfo:
		return b.FileName, b.Uuid
	case *types.VirtualDiskSeSparseBackingInfo:
		return b.FileName, b.Uuid
	}
	return "", ""
}
