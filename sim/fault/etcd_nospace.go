package fault

import (
	"context"
	"fmt"
	"strings"
)

var etcdNospace = Fault{
	ID:     "etcd-nospace",
	Effect: "the database of an etcd member is full, and etcd raises the alarm NOSPACE",
	Symptom: `the workload cluster's API server reads and refuses to write, "etcdserver: mvcc: database space exceeded"; EtcdClusterHealthy of the ` +
		`KubeadmControlPlane turns False, "Etcd endpoint … reports errors: memberID:… alarm:NOSPACE", and no control-plane machine is created or deleted`,
	Recovery: "compact and defragment etcd, and clear the alarm (etcdctl alarm disarm); the rollout goes on by itself",
	Heal:     "does so, if the member is still there",
	Source:   "go.etcd.io/etcd/server/v3@v3.6.5 etcdserver/apply applierV3Capped; sigs.k8s.io/cluster-api@v1.13.4 controlplane/kubeadm/internal/workload_cluster_conditions.go",
	Args: []Arg{
		clusterArg,
		{Name: "member", Doc: "its node, of a machine that is there when the run begins, or a slot of a pool; by default drawn from the seed", Kind: MemberName},
		{Name: "count", Doc: "how many members, if none is named", Default: "1", Kind: Number},
	},
	inject: func(_ context.Context, s Site, a Args, hit func(string)) (laid, error) {
		cluster, err := clusterOf(s, a)
		if err != nil {
			return laid{}, err
		}
		members, _, err := pickMembers(s, "etcd-nospace", cluster, a)
		if err != nil {
			return laid{}, err
		}
		var back []func(context.Context) error
		for _, m := range members {
			free, err := s.FillEtcd(cluster, m)
			if err != nil {
				return laid{}, fmt.Errorf("member %s: %w", m, err)
			}
			back = append(back, free)
		}
		hit(fmt.Sprintf("etcd of %s: alarm NOSPACE of %s", cluster, strings.Join(members, " ")))
		return laid{heal: each(back)}, nil
	},
}
