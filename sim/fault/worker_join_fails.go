package fault

var workerJoinFails = Fault{
	ID:     "worker-join-fails",
	Effect: "kubeadm join fails in every new worker; it fires at each worker whose join fails",
	Symptom: "the new Machine stays Provisioned and never gets a node, and the rollout of its MachineDeployment stands: with maxSurge 1 at one " +
		"machine too many, with maxSurge 0 at one too few; the old workers go on",
	Recovery: "repair the cause and delete the Machine that did not join; its MachineSet makes another one",
	Heal:     "repairs the cause and deletes the Machines that did not join, as the documents ask of the operator",
	Source:   "000_d64b8bff74bf7917.txt, Rolling Back a Failed Upgrade: nodes do not become Ready",
	Args:     []Arg{clusterArg},
	inject:   guestsFail(JoinFails, Workers, "kubeadm join failed", "a new worker that joins"),
}
