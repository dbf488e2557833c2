package fault

import (
	"context"
	"fmt"
	"strconv"
)

var maxSurgeEdited = Fault{
	ID:     "max-surge-edited",
	Effect: "somebody changes maxSurge of the KubeadmControlPlane's rollout; it fires when the edit is denied or accepted, and says which",
	Symptom: "0: the rollout removes before it adds, so a control plane of three has two etcd members meanwhile and may lose none; with fewer " +
		`than three replicas it is denied, "when KubeadmControlPlane is configured to scale-in, replica count needs to be at least 3". ` +
		"1: it adds before it removes, so a machine config pool needs a free slot, and persistent disks do not follow",
	Recovery: "set it back; the rollout goes on with it at once",
	Heal:     "puts the old value back, unless somebody has set another one meanwhile",
	Source:   "000_d64b8bff74bf7917.txt, Disk Preservation Model; sigs.k8s.io/cluster-api@v1.13.4 controlplane/kubeadm/internal/webhooks/kubeadmcontrolplane.go",
	Args: []Arg{
		clusterArg,
		{Name: "value", Doc: "of maxSurge", Default: "0", OneOf: []string{"0", "1"}},
	},
	inject: func(ctx context.Context, s Site, a Args, hit func(string)) (laid, error) {
		cluster, err := clusterOf(s, a)
		if err != nil {
			return laid{}, err
		}
		person, err := administratorOf(s, "")
		if err != nil {
			return laid{}, err
		}
		kcp, err := person.controlPlane(ctx, cluster)
		if err != nil {
			return laid{}, err
		}
		n, err := strconv.Atoi(a["value"])
		if err != nil {
			return laid{}, err
		}
		what := fmt.Sprintf("KubeadmControlPlane %s: maxSurge %d", kcp.GetName(), n)
		back, err := person.exchange(ctx, kcp, n, "spec", "rolloutStrategy", "rollingUpdate", "maxSurge")
		if why := denial(err); why != "" {
			hit(what + " denied: " + why)
			return laid{heal: nothing}, nil
		}
		if err != nil {
			return laid{}, err
		}
		hit(what + " accepted")
		return laid{heal: back}, nil
	},
}
