package fault

import "context"

var workloadPartitioned = Fault{
	ID: "workload-partitioned",
	Effect: "the management cluster and the administrators do not reach the API server of the workload cluster: connections are refused. A network " +
		"that loses packets without a word is not played: who waits for an answer does so in the machine's time",
	Symptom: "RemoteConnectionProbe of the Cluster turns False after 50 s, conditions that come from inside the cluster turn Unknown after 5 minutes, " +
		"and machines are neither drained nor replaced; before the run preflight refuses with control-plane-unreachable",
	Recovery: "restore the network; everything goes on by itself",
	Heal:     "restores the network",
	Source:   "sigs.k8s.io/cluster-api@v1.13.4 controllers/clustercache, internal/controllers/cluster RemoteConnectionProbe",
	Args:     []Arg{clusterArg},
	inject: func(_ context.Context, s Site, a Args, hit func(string)) (laid, error) {
		cluster, err := clusterOf(s, a)
		if err != nil {
			return laid{}, err
		}
		heal, err := s.CutEndpoint(cluster)
		if err != nil {
			return laid{}, err
		}
		hit("control plane endpoint of " + cluster + ": connections are refused")
		return laid{heal: func(context.Context) error { heal(); return nil }}, nil
	},
}
