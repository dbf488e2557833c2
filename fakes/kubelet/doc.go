// Package kubelet plays the kubelets of one workload cluster and the network that its nodes are in. The cluster's API
// server, scheduler and controllers are real and cannot tell.
//
// The types to know are Network, which the real API server reaches through its egress selector, and Kubelets: one
// object runs all the machines of a cluster, a Node per machine. Three things tie the real processes of the cluster to
// site time: the Barrier (our own writes are seen before time goes on), the settle window (the answer to any news has a
// moment to come) and the debt (what controllers have plainly not done yet).
//
// The package imports nothing of this module but fakekit.
//
// Models:
//
//	Node registration, conditions, leases; pods from bound to running and ready, init containers, sidecars, Jobs that
//	complete, graceful termination, failing image pulls with back-off, failing containers; static pods and their
//	mirrors; port-forward and logs through the API server; stopped kubelets and nodes that nobody reaches; machines
//	that are switched off and on, with the restart of their pods in place. All of it is level-based: what somebody else
//	writes into a status of ours is put right again.
//
// Simplifies:
//
//	Pods of Jobs succeed, all others run for ever; what a container would do is not known. Probes pass at once. A pod
//	shows nothing between Pending and Running unless its image cannot be pulled; then it shows ImagePullBackOff with
//	the error at once, without ErrImagePull before. An image that a node has is never lost. A pod keeps its address when
//	its machine restarts, and a machine its boot ID. Pod addresses come from one counter.
//	Leases are renewed in real time, because the kube-controller-manager that watches them lives in real time; the
//	lastTransitionTime that it gives the conditions of a lost node is put right.
//
// Omits:
//
//	exec and attach; resource pressure and eviction by the kubelet; volumes; certificates of kubelets; events other
//	than those of failed pulls.
//
// Source:
//
//	k8s.io/kubernetes@v1.35.4 pkg/kubelet (kubelet_node_status.go, nodestatus/setters.go, status/generate.go,
//	images/image_manager.go, pod/mirror_client.go); k8s.io/apiserver@v0.35.4 pkg/server/egressselector.
package kubelet
