package fault

// Networks are the ways to the API server of a workload cluster.
type Networks interface {
	// CutEndpoint refuses every connection to the control plane endpoint that does not come from the cluster's own nodes,
	// until heal is called.
	CutEndpoint(cluster string) (heal func(), err error)
	// FreezeBackends lets the load balancer of the endpoint know no other backends than the control-plane machines of now,
	// until heal is called. It refuses connections once all of them are gone, which hit is told.
	FreezeBackends(cluster string, hit func()) (heal func(), err error)
}
