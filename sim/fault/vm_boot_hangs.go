package fault

var vmBootHangs = Fault{
	ID:     "vm-boot-hangs",
	Effect: "cloud-init of new VMs never comes to kubeadm; it fires at each VM that has an address",
	Symptom: "the VSphereVM is ready and the Machine Provisioned, and it never gets a node (\"Waiting for a Node with spec.providerID …\"); on the " +
		"control plane the preflight checks of the KubeadmControlPlane wait for it",
	Recovery: "look at the VM's console, repair the image or what it waits for, and delete the Machine; another one is made",
	Heal:     "repairs the image and deletes the Machines that have no node because of it",
	Source:   "000_d64b8bff74bf7917.txt, Rolling Back a Failed Upgrade: nodes do not become Ready",
	Args:     []Arg{clusterArg, roleArg},
	inject:   guestsFail(BootHangs, "", "its boot hangs", "a new VM that boots"),
}
