package fault

var controlPlaneJoinFails = Fault{
	ID:     "control-plane-join-fails",
	Effect: "kubeadm join fails in every new control-plane machine before it touches etcd; it fires at each whose join fails",
	Symptom: "the new Machine stays Provisioned and never gets a node; the KubeadmControlPlane's preflight checks wait for it " +
		"(\"Machine.status.nodeRef not set\"), and no other control-plane machine is created or deleted",
	Recovery: "repair the cause, check the quorum of etcd, and delete the Machine that did not join; the KubeadmControlPlane makes another one",
	Heal:     "repairs the cause and deletes the Machines that did not join, as the documents ask of the operator",
	Source:   "000_d64b8bff74bf7917.txt, Rolling Back a Failed Upgrade; sigs.k8s.io/cluster-api@v1.13.4 controlplane/kubeadm/internal/controllers/scale.go preflightChecks",
	Args:     []Arg{clusterArg},
	inject:   guestsFail(JoinFails, ControlPlane, "kubeadm join failed", "a new control-plane machine that joins"),
}
