package fault

import (
	"context"
	"fmt"
)

var clusterPaused = Fault{
	ID:     "cluster-paused",
	Effect: "somebody pauses the Cluster",
	Symptom: "no controller acts on anything of the cluster: a rollout stands, machines stay in their phase, Paused is True on every object; before " +
		"the run preflight refuses with cluster-paused",
	Recovery: "set spec.paused of the Cluster to false; everything goes on by itself",
	Heal:     "does so, unless somebody has done it",
	Source:   "000_d64b8bff74bf7917.txt, Upgrade Sequence; sigs.k8s.io/cluster-api@v1.13.4 util/annotations IsPaused",
	Args:     []Arg{clusterArg},
	inject: func(ctx context.Context, s Site, a Args, hit func(string)) (laid, error) {
		cluster, err := clusterOf(s, a)
		if err != nil {
			return laid{}, err
		}
		person, err := administratorOf(s, "")
		if err != nil {
			return laid{}, err
		}
		o, err := findCluster(ctx, person, cluster)
		if err != nil {
			return laid{}, err
		}
		back, err := person.exchange(ctx, o, true, "spec", "paused")
		if err != nil {
			return laid{}, fmt.Errorf("Cluster %s: %w", cluster, err)
		}
		hit("Cluster " + cluster + ": paused")
		return laid{heal: back}, nil
	},
}
