package fault

// KubeOVN is what delivers Kube-OVN: the provider on the management cluster and the operator on a workload cluster.
type KubeOVN interface {
	// HoldAppRelease lets the next delivery stay in HealthChecking until heal is called; hit is told the AppRelease that
	// should have gone on.
	HoldAppRelease(cluster string, hit func(name string)) (heal func(), err error)
	// AgeProvider replaces the provider by one before v1.0.16, until upgrade is called; hit is told what it asks a cluster
	// to install under a name that is wrong.
	AgeProvider(hit func(cluster, chart, revision string)) (upgrade func())
}
