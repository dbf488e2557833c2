package fault

import (
	"context"
	"fmt"
)

// rowFields are where a KubeadmControlPlane holds the values of a row of the OS support matrix, and a wrong value each.
var rowFields = map[string]struct {
	path  []string
	wrong func(now string) (string, error)
}{
	"coredns": {[]string{"spec", "kubeadmConfigSpec", "clusterConfiguration", "dns", "imageTag"}, always("1.0.0")},
	"etcd":    {[]string{"spec", "kubeadmConfigSpec", "clusterConfiguration", "etcd", "local", "imageTag"}, always("v3.4.3-0")},
	"version": {[]string{"spec", "version"}, func(now string) (string, error) { return minorsLater(now, 2) }},
}

func always(v string) func(string) (string, error) {
	return func(string) (string, error) { return v, nil }
}

var wrongRow = Fault{
	ID: "wrong-row",
	Effect: "somebody takes a value for the KubeadmControlPlane from a wrong row of the OS support matrix; it fires when the value is denied or " +
		"accepted, and says which",
	Symptom: `version that skips a minor: denied, "cannot update Kubernetes version from … to …"; CoreDNS tag that nobody can migrate to: denied, ` +
		`"cannot migrate CoreDNS up to …", unless the annotation skip-coredns is there; any etcd tag is accepted: the next control-plane ` +
		"machine runs it, and one that is older than the cluster's etcd never joins",
	Recovery: "denied: take the right row. Accepted: set the right value, look that the workload cluster's ConfigMap kube-system/kubeadm-config has it, " +
		"and then delete a Machine that did not join: machines join by kubeadm-config, and it is written only while one is to be replaced",
	Heal: "puts an accepted value back, unless somebody has set another one meanwhile; machines that did not join stay",
	Source: "000_d64b8bff74bf7917.txt, Required Values From the OS Support Matrix; sigs.k8s.io/cluster-api@v1.13.4 " +
		"controlplane/kubeadm/internal/webhooks/kubeadmcontrolplane.go, controlplane/kubeadm/internal/controllers/update.go",
	Args: []Arg{
		clusterArg,
		{Name: "field", Doc: "which value of the row", Default: "version", OneOf: []string{"coredns", "etcd", "version"}},
		{Name: "value", Doc: "by default a version two minors ahead, 1.0.0 for CoreDNS, v3.4.3-0 for etcd"},
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
		f, value := rowFields[a["field"]], a["value"]
		if value == "" {
			if value, err = f.wrong(str(kcp, f.path...)); err != nil {
				return laid{}, err
			}
		}
		what := fmt.Sprintf("KubeadmControlPlane %s: %s %s", kcp.GetName(), a["field"], value)
		back, err := person.exchange(ctx, kcp, value, f.path...)
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
