package sim

import (
	"github.com/vmware/govmomi/vim25/types"

	"github.com/rehearse-dev/rehearse/fakes/vcenter"
)

// FailReclaims implements fault.Pools.
func (t *Twin) FailReclaims(message string, hit func(disk string)) (heal func()) {
	return t.vcenter.Inject(vcenter.Fault{Method: "DeleteDatastoreFile_Task", Effect: vcenter.Fail, Err: &types.NoPermission{}, Message: message, Fired: hit})
}
