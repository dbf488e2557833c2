package fault

// Nodes are the kubelets of a workload cluster.
type Nodes interface {
	// StopKubelet ends the kubelet of a node; start brings it back, if its machine is still there.
	StopKubelet(cluster, node string) (start func() error, err error)
	// BreakRuntime lets the kubelet of a node report that its network is not ready; mend takes it back.
	BreakRuntime(cluster, node string) (mend func() error, err error)
}
