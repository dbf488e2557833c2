package fault

import (
	"errors"

	"github.com/vmware/govmomi/vim25/types"

	"github.com/rehearse-dev/rehearse/fakes/vcenter"
)

var datastoreFull = Fault{
	ID:     "datastore-full",
	Effect: "the datastore has no space for another disk: clones fail; it fires at each of them. VMs that are there run on",
	Symptom: "the VSphereVM says VMProvisioned=False/TaskFailure \"Insufficient disk space on datastore 'NAME'.\" (v1beta2: " +
		"VirtualMachineProvisioned=False/TaskFailed), its Machine stays Provisioning, and the rollout waits",
	Recovery: "free space on the datastore; the provider forgets the failed task after a minute and clones again at its next look, at most ten minutes later",
	Heal:     "frees space; the provider clones again by itself",
	Source: "github.com/vmware/govmomi@v0.53.0 vim25/types NoDiskSpace; " +
		"sigs.k8s.io/cluster-api-provider-vsphere@v1.16.1 pkg/services/govmomi/util.go checkAndRetryTask",
	Args: []Arg{{Name: "datastore", Doc: "its name in vCenter's text; by default the first that the templates of the machines name"}, roleArg},
	inject: vCenterFails("VM NAME: no space for its disks", "the next clone of a VM", func(s Site, a Args) (vcenter.Fault, error) {
		name := a["datastore"]
		if l := s.Datastores(); name == "" && len(l) > 0 {
			name = l[0]
		}
		if name == "" {
			return vcenter.Fault{}, errors.New("no datastore given, and the templates of the machines name none")
		}
		return vcenter.Fault{Method: "CloneVM_Task", Effect: vcenter.Fail, Err: &types.NoDiskSpace{Datastore: name},
			Message: "Insufficient disk space on datastore '" + name + "'."}, nil
	}),
}
