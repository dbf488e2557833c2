package clock

// WallTimeOnly lists what follows wall time in this build although it should follow site time. apiServers tells whether
// the API servers follow site time; the kube-controller-managers never do.
func WallTimeOnly(apiServers bool) []string {
	l := []string{"node lifecycle, tolerationSeconds, pod garbage collection, and minReadySeconds of Deployments and their like, in workload clusters (kube-controller-manager); " +
		"of a node that is lost, only lastTransitionTime of its conditions is put right, for MachineHealthChecks, and not timeAdded of its taints nor the times of its Pods' Ready"}
	if !apiServers {
		l = append(l, "creationTimestamp and deletionTimestamp of every object (kube-apiserver): so a MachineHealthCheck of a world is left out, rolloutAfter never ends, both with a warning")
	}
	if !VirtualNow {
		l = append(l,
			"ClusterCache: connection retries and health probes",
			"remote connection and condition grace periods of Cluster, Machine and KubeadmControlPlane",
			"CAPV: one minute of retryAfter after a failed vCenter task",
			"node drain, volume detach and deletion timeouts; minReadySeconds; rolloutAfter",
			"bootstrap token expiry",
		)
	}
	return l
}
