package fault

var vmWithoutIP = Fault{
	ID:     "vm-without-ip",
	Effect: "the image of new VMs has no VMware Tools and no cloud-init: vCenter never learns an address; it fires at each VM that was powered on",
	Symptom: "the VSphereVM stays at VirtualMachineProvisioned=False/WaitingForIPAllocation (v1beta1: VMProvisioned), its Machine Provisioning, for ever, " +
		"and the rollout stands",
	Recovery: "correct the image and its template, and delete the Machine; another one is made",
	Heal:     "corrects the image and deletes the Machines that have no node because of it",
	Source: "sigs.k8s.io/cluster-api-provider-vsphere@v1.16.1 " +
		"controllers/vspherevm_controller.go reconcileNormal",
	Args:   []Arg{clusterArg, roleArg},
	inject: guestsFail(NoAddress, "", "its VM reports no address", "a new VM that boots"),
}
