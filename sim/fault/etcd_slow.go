package fault

import (
	"context"
	"fmt"
	"strings"
	"time"
)

var etcdSlow = Fault{
	ID:     "etcd-slow",
	Effect: "etcd members answer slowly, as on a disk that is overloaded",
	Symptom: `with a latency from 7 s on in a majority, the API server's requests fail, "etcdserver: request timed out", and what comes from inside the ` +
		"cluster turns Unknown. From 15 s on KubeadmControlPlane gives up on a member and asks another. What is faster, and a minority as long as another " +
		"member answers, nobody notices",
	Recovery: "relieve the disk; the rollout goes on by itself",
	Heal:     "makes the members as fast as before",
	Source:   "go.etcd.io/etcd/server/v3@v3.6.5 config.ServerConfig.ReqTimeout; sigs.k8s.io/cluster-api@v1.13.4 controlplane/kubeadm/internal/etcd.DefaultCallTimeout",
	Args: []Arg{
		clusterArg,
		{Name: "member", Doc: "its node, of a machine that is there when the run begins, or a slot of a pool; by default drawn from the seed", Kind: MemberName},
		{Name: "count", Doc: "how many members, if none is named; by default a majority", Kind: Number},
		{Name: "latency", Doc: "of each answer, in site time", Default: "20s", Kind: Duration},
	},
	inject: func(_ context.Context, s Site, a Args, hit func(string)) (laid, error) {
		cluster, err := clusterOf(s, a)
		if err != nil {
			return laid{}, err
		}
		latency, err := time.ParseDuration(a["latency"])
		if err != nil {
			return laid{}, err
		}
		members, _, err := pickMembers(s, "etcd-slow", cluster, a)
		if err != nil {
			return laid{}, err
		}
		var back []func(context.Context) error
		for _, m := range members {
			heal, err := s.SlowEtcd(cluster, m, latency)
			if err != nil {
				return laid{}, fmt.Errorf("member %s: %w", m, err)
			}
			back = append(back, heal)
		}
		hit(fmt.Sprintf("etcd of %s: %s answer after %s", cluster, strings.Join(members, " "), latency))
		return laid{heal: each(back)}, nil
	},
}
