package fault

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

var etcdMemberDown = Fault{
	ID:     "etcd-member-down",
	Effect: "the etcd process of a control-plane machine ends; the rest is still a majority",
	Symptom: "EtcdPodHealthy of its Machine and ControlPlaneComponentsHealthy of the KubeadmControlPlane turn False, its preflight checks fail (event " +
		"ControlPlaneUnhealthy) every 15 s, and no control-plane machine is created or deleted, neither forward nor back; the API server works " +
		"on, and EtcdClusterHealthy stays True as long as another member answers",
	Recovery: "repair etcd first; the rollout goes on by itself",
	Heal:     "starts the etcd processes again on the machines that are still there and still members",
	Source:   "000_d64b8bff74bf7917.txt, Rolling Back a Failed Upgrade; sigs.k8s.io/cluster-api@v1.13.4 controlplane/kubeadm/internal/controllers/scale.go",
	Args: []Arg{
		clusterArg,
		{Name: "member", Doc: "its node, of a machine that is there when the run begins, or a slot of a pool; by default drawn from the seed", Kind: MemberName},
		{Name: "count", Doc: "how many members, if none is named", Default: "1", Kind: Number},
	},
	inject: func(ctx context.Context, s Site, a Args, hit func(string)) (laid, error) {
		cluster, err := clusterOf(s, a)
		if err != nil {
			return laid{}, err
		}
		members, voters, err := pickMembers(s, "etcd-member-down", cluster, a)
		if err != nil {
			return laid{}, err
		}
		up, _, err := s.EtcdVoters(cluster)
		if err != nil {
			return laid{}, err
		}
		if left := len(up) - len(members); left <= voters/2 {
			return laid{}, fmt.Errorf("%d of %d voting members would be left, no majority: that is etcd-quorum-loss", left, voters)
		}
		var back []func(context.Context) error
		for _, m := range members {
			start, err := s.StopEtcd(ctx, cluster, m)
			if err != nil {
				return laid{}, fmt.Errorf("member %s: %w", m, err)
			}
			back = append(back, start)
		}
		hit(fmt.Sprintf("etcd of %s: %d of %d voting members ended: %s", cluster, len(members), voters, strings.Join(members, " ")))
		return laid{heal: each(back)}, nil
	},
}

// pickMembers are the voting members that the arguments member and count choose, a majority without them, and how many
// voters there are.
func pickMembers(s Site, id, cluster string, a Args) (members []string, voters int, err error) {
	up, voters, err := s.EtcdVoters(cluster)
	if err != nil {
		return nil, 0, err
	}
	if m := a["member"]; m != "" {
		if !slices.Contains(up, m) {
			return nil, 0, fmt.Errorf("member: got %q, want one of %s", m, strings.Join(up, ", "))
		}
		return []string{m}, voters, nil
	}
	n, err := strconv.Atoi(cmp.Or(a["count"], fmt.Sprint(voters/2+1)))
	if err != nil || n > len(up) {
		return nil, 0, fmt.Errorf("count: got %q, want at most %d, the voting members that are up", a["count"], len(up))
	}
	first := s.Draw(id+"/"+cluster, len(up))
	for i := range n {
		members = append(members, up[(first+i)%len(up)])
	}
	return members, voters, nil
}
