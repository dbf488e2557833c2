package fault

import (
	"github.com/vmware/govmomi/vim25/types"

	"github.com/rehearse-dev/rehearse/fakes/vcenter"
)

var vmCloneFails = Fault{
	ID:     "vm-clone-fails",
	Effect: "vCenter's tasks that clone a VM run for their time and fail; it fires at each of them, and heal=after:N lets N fail and the next one work",
	Symptom: "the VSphereVM says VMProvisioned=False/TaskFailure \"An error occurred while communicating with the remote host.\" (v1beta2: " +
		"VirtualMachineProvisioned=False/TaskFailed), its Machine stays Provisioning, and the rollout waits",
	Recovery: "remove the cause in vCenter; the provider forgets the failed task after a minute and clones again at its next look, at most ten minutes later",
	Heal:     "removes the cause; the provider clones again by itself",
	Source: "sigs.k8s.io/cluster-api-provider-vsphere@v1.16.1 pkg/services/govmomi/util.go checkAndRetryTask; " +
		"github.com/vmware/govmomi@v0.53.0 vim25/types HostCommunication",
	Args: []Arg{roleArg},
	inject: vCenterFails("VM NAME: its clone failed", "the next clone of a VM", func(Site, Args) (vcenter.Fault, error) {
		return vcenter.Fault{Method: "CloneVM_Task", Effect: vcenter.Fail, Err: &types.HostCommunication{},
			Message: "An error occurred while communicating with the remote host."}, nil
	}),
}
