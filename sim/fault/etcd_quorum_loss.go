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
	Heal:     "starts the etcd processes again on the machines that are still there and still members",
	Source:   "000_d64b8bff74bf7917.txt, Rolling Back a Failed Upgrade; sigs.k8s.io/cluster-api@v1.13.4 controlplane/kubeadm/internal/controllers/scale.go",
	Args: []Arg{
		clusterArg,
		{Name: "count", Doc: "voting members to end; by default just enough to lose the majority, and never fewer", Kind: Number},
	},
	inject: func(ctx context.Context, s Site, a Args, hit func(string)) (laid, error) {
		cluster, err := clusterOf(s, a)
		if err != nil {
			return laid{}, err
		}
		up, voters, err := s.EtcdVoters(cluster)
		if err != nil {
			return laid{}, err
		}
		n, err := membersToEnd(a["count"], len(up), voters)
		if err != nil {
			return laid{}, err
		}
		first := s.Draw("etcd-quorum-loss/"+cluster, len(up))
		var ended []string
		var back []func(context.Context) error
		for i := range n {
			m := up[(first+i)%len(up)]
			start, err := s.StopEtcd(ctx, cluster, m)
			if err != nil {
				return laid{}, fmt.Errorf("member %s: %w", m, err)
			}
			ended, back = append(ended, m), append(back, start)
		}
		hit(fmt.Sprintf("etcd of %s: %d of %d voting members ended: %s", cluster, n, voters, strings.Join(ended, " ")))
		return laid{heal: each(back)}, nil
	},
}

// membersToEnd is how many of the voters that are up have to end, so that the rest is no majority of all voters.
func membersToEnd(count string, up, voters int) (int, error) {
	least := up - voters/2
	if least < 1 {
		return 0, fmt.Errorf("%d of %d voting members are up: the majority is lost already", up, voters)
	}
	if count == "" {
		return least, nil
	}
	n, err := strconv.Atoi(count)
	if err != nil || n < least || n > up {
		return 0, fmt.Errorf("count: got %q, want %d to %d: with fewer the majority stays", count, least, up)
	}
	return n, nil
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
