package clock

// WallTimeOnly lists what follows wall time in this build although it should follow site time. The first group holds
// in every build, because kube-apiserver and the workload control planes keep the machine's time.
func WallTimeOnly() []string {
	l := []string{
		"creationTimestamp and deletionTimestamp of every object (kube-apiserver): so a MachineHealthCheck of a world is left out, rolloutAfter never ends, both with a warning",
		"node lifecycle, tolerationSeconds, pod garbage collection, and minReadySeconds of Deployments and their like, in workload clusters (kube-controller-manager)",
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
