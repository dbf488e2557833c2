package fault

import (
	"context"
	"fmt"
)

var diskStillAttached = Fault{
	ID:     "disk-still-attached",
	Effect: "a backup proxy attaches the next persistent disk that is taken off a machine, and keeps it; it fires then",
	Symptom: "the VSphereVM of the old machine stays Deleting although its VM is gone, with the warning PersistentDiskStillAttached every 30 s; its slot stays " +
		"InUse and the replacement does not begin",
	Recovery: "detach the disk from the VM that the warning names, in vCenter; the slot is released within 30 s",
	Heal:     "detaches it",
	Source:   "000_d64b8bff74bf7917.txt, Disk Preservation Model; github.com/alauda/cluster-api-provider-vsphere controllers/vspherevm_controller.go",
	inject: func(_ context.Context, s Site, _ Args, hit func(string)) (laid, error) {
		release, err := s.GrabDisk(func(disk, vm string) { hit(fmt.Sprintf("disk %s: attached to %s", disk, vm)) })
		if err != nil {
			return laid{}, err
		}
		return laid{heal: func(context.Context) error { return release() }, waits: "a persistent disk that is taken off a machine"}, nil
	},
}
