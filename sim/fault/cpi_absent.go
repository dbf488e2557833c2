package fault

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rehearse-dev/rehearse/fakes/cpi"
)

var cpiAbsent = Fault{
	ID:     "cpi-absent",
	Effect: "the workload cluster has no DaemonSet " + cpi.DaemonSet + ": somebody deleted it, or the Cluster never had the label that delivers it",
	Symptom: "a new node keeps the taint node.cloudprovider.kubernetes.io/uninitialized and has no providerID, and its Machine stays Provisioned without " +
		"a node; the nodes that are there go on",
	Recovery: "create the DaemonSet again, or label the Cluster and have the ClusterResourceSet apply it; the nodes are initialised by themselves",
	Heal:     "creates the DaemonSet again, unless somebody has done so",
	Source:   "github.com/alauda/immutable-infra-docs docs/en/create-cluster/vmware-vsphere.mdx; k8s.io/cloud-provider@v0.35.4 controllers/node",
	Args:     []Arg{clusterArg},
	inject: func(ctx context.Context, s Site, a Args, hit func(string)) (laid, error) {
		cluster, err := clusterOf(s, a)
		if err != nil {
			return laid{}, err
		}
		c, err := administratorOf(s, cluster)
		if err != nil {
			return laid{}, err
		}
		d := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceSystem, Name: cpi.DaemonSet}}
		if err := c.Get(ctx, client.ObjectKeyFromObject(d), d); err != nil {
			return laid{}, err
		}
		if err := c.Delete(ctx, d, client.PropagationPolicy(metav1.DeletePropagationBackground)); err != nil {
			return laid{}, err
		}
		hit(fmt.Sprintf("DaemonSet %s of %s deleted", cpi.DaemonSet, cluster))
		again := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: d.Namespace, Name: d.Name, Labels: d.Labels, Annotations: d.Annotations}, Spec: d.Spec}
		return laid{heal: func(ctx context.Context) error {
			return ignoreExists(c.Create(ctx, again.DeepCopy()))
		}}, nil
	},
}
