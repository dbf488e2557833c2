package fault

import "context"

var loadBalancerStale = Fault{
	ID: "load-balancer-stale",
	Effect: "nobody adds new control-plane machines to the load balancer of the endpoint; it fires when the last machine that it knows is gone or " +
		"off",
	Symptom: "nothing as long as an old machine is left; then the endpoint refuses connections: RemoteConnectionProbe of the Cluster turns False, " +
		"and the rollout does not end. A twin's kubelets go on: it does not model their way to the API server, nor connections that a " +
		"load balancer without health checks sends to machines that are gone",
	Recovery: "add the new machines to the load balancer; everything goes on by itself",
	Heal:     "does so",
	Source:   "000_d64b8bff74bf7917.txt, Prerequisites; github.com/alauda/immutable-infra-docs docs/en/create-cluster/vmware-vsphere.mdx",
	Args:     []Arg{clusterArg},
	inject: func(_ context.Context, s Site, a Args, hit func(string)) (laid, error) {
		cluster, err := clusterOf(s, a)
		if err != nil {
			return laid{}, err
		}
		heal, err := s.FreezeBackends(cluster, func() { hit("control plane endpoint of " + cluster + ": no backend is left") })
		if err != nil {
			return laid{}, err
		}
		return laid{heal: func(context.Context) error { heal(); return nil }, waits: "the end of the last control-plane machine of now of " + cluster}, nil
	},
}
