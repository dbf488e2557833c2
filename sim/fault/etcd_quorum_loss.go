package fault

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

var etcdQuorumLoss = Fault{
	ID:     "etcd-quorum-loss",
	Effect: "the etcd processes of so many control-plane machines end that the rest is no majority",
	Symptom: "EtcdClusterHealthy and Available of the KubeadmControlPlane turn False, its preflight checks fail (event ControlPlaneUnhealthy), " +
		"and no control-plane machine is created or deleted",
	Recovery: "bring the members back, or restore etcd from a backup; the rollout goes on by itself",
	Source:   "000_d64b8bff74bf7917.txt, Rolling Back a Failed Upgrade; sigs.k8s.io/cluster-api@v1.13.4 controlplane/kubeadm/internal/controllers/scale.go",
	Args: []Arg{
		{Name: "cluster", Doc: "the workload cluster; by default the first"},
		{Name: "count", Doc: "members to end; by default just enough to lose the majority"},
	},
	inject: func(ctx context.Context, s Site, a Args) (string, func(context.Context) error, error) {
		cluster, err := clusterOf(s, a)
		if err != nil {
			return "", nil, err
		}
		members, err := s.EtcdMembers(cluster)
		if err != nil {
			return "", nil, err
		}
		n := len(members) - len(members)/2 // leaves less than a majority
		if a["count"] != "" {
			if n, err = strconv.Atoi(a["count"]); err != nil || n < 1 || n > len(members) {
				return "", nil, fmt.Errorf("count: got %q, want 1 to %d", a["count"], len(members))
			}
		}
		first := s.Draw("etcd-quorum-loss/"+cluster, len(members))
		var hit []string
		var back []func(context.Context) error
		for i := range n {
			m := members[(first+i)%len(members)]
			start, err := s.StopEtcd(ctx, cluster, m)
			if err != nil {
				return "", nil, fmt.Errorf("member %s: %w", m, err)
			}
			hit, back = append(hit, m), append(back, start)
		}
		return strings.Join(hit, " "), func(ctx context.Context) error {
			for _, start := range back {
				if err := start(ctx); err != nil {
					return err
				}
			}
			return nil
		}, nil
	},
}

// clusterOf is the argument "cluster", or the first cluster of the site.
func clusterOf(s Site, a Args) (string, error) {
	if c := a["cluster"]; c != "" {
		return c, nil
	}
	l := s.ClusterNames()
	if len(l) == 0 {
		return "", fmt.Errorf("the site has no workload cluster")
	}
	return l[0], nil
}
