package fault

var nodeStale = Fault{
	ID: "node-stale",
	Effect: "the workload cluster still has a Node of the hostname that a new machine gets, with the providerID of the VM before; it fires at each " +
		"machine whose kubelet takes that Node up",
	Symptom: "the Node is Ready with the providerID of another VM, and the Machine stays Provisioned without a node: \"Waiting for a Node with " +
		"spec.providerID … to exist\"",
	Recovery: "remove the old VM if it is still there, delete the Node and the Machine; another machine is made",
	Heal:     "deletes the Machines that have no node because of it; the provider deletes the Node with the VM",
	Source: "sigs.k8s.io/cluster-api@v1.13.4 internal/controllers/machine/machine_controller_noderef.go; " +
		"k8s.io/kubernetes@v1.35.4 pkg/kubelet/kubelet_node_status.go tryRegisterWithAPIServer",
	Args:   []Arg{clusterArg, roleArg},
	inject: guestsFail(StaleNode, "", "its kubelet took up a Node of another VM", "a new node that registers"),
}
