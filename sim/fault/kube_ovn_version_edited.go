package fault

import (
	"context"
	"fmt"

	"github.com/rehearse-dev/rehearse/fakes/kubeovn"
)

var kubeOVNVersionEdited = Fault{
	ID:     "kube-ovn-version-edited",
	Effect: "somebody sets " + kubeovn.VersionAnnotation + " of the Cluster, whatever goes on there",
	Symptom: "while a control-plane machine is missing or going: no movement, and KubeOvnAppReleaseReady of the VSphereCluster says " +
		`"waiting for all control plane Nodes before reconciling kube-ovn AppRelease", every 10 s anew. Else: the delivery begins at once`,
	Recovery: "wait: the delivery begins by itself once all control-plane Nodes are there",
	Heal:     "sets the annotation back, unless somebody has set another value meanwhile; Kube-OVN follows back",
	Source:   "000_d64b8bff74bf7917.txt, Upgrade the control plane, 2; github.com/alauda/immutable-infra-docs docs/en/upgrade-cluster/index.mdx",
	Args: []Arg{
		clusterArg,
		{Name: "version", Doc: "a version of the chart, such as v4.3.3", Required: true},
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
		o, err := findCluster(ctx, person, cluster)
		if err != nil {
			return laid{}, err
		}
		back, err := person.exchange(ctx, o, a["version"], "metadata", "annotations", kubeovn.VersionAnnotation)
		if err != nil {
			return laid{}, fmt.Errorf("Cluster %s: %w", cluster, err)
		}
		hit(fmt.Sprintf("Cluster %s: annotation %s set to %s", cluster, kubeovn.VersionAnnotation, a["version"]))
		return laid{heal: back}, nil
	},
}
