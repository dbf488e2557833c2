package fault

var nodeNeverReady = Fault{
	ID:     "node-never-ready",
	Effect: "the container runtime of new nodes has no network; it fires at each node that registers",
	Symptom: "the Node is NotReady (\"container runtime network not ready: … cni plugin not initialized\"), its Machine has a node and is not Ready, " +
		"and the rollout waits for it",
	Recovery: "repair the network plugin; the node is Ready by itself",
	Heal:     "starts the network of the nodes; they are Ready by themselves",
	Source:   "000_d64b8bff74bf7917.txt, Rolling Back a Failed Upgrade: nodes do not become Ready; k8s.io/kubernetes@v1.35.4 pkg/kubelet/nodestatus/setters.go",
	Args:     []Arg{clusterArg, roleArg},
	inject:   guestsFail(NodeNeverReady, "", "its node is not Ready", "a new node that registers"),
}
