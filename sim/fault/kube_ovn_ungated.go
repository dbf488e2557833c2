package fault

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const gate = "cpaas.io/network-type"

var kubeOVNUngated = Fault{
	ID:       "kube-ovn-ungated",
	Effect:   "the Cluster loses the annotation " + gate,
	Symptom:  "before the run: preflight refuses with kube-ovn-ungated. Later: a new cpaas.io/kube-ovn-version changes nothing, without any event or condition",
	Recovery: "set " + gate + ": kube-ovn on the Cluster; the delivery goes on by itself",
	Source:   "000_d64b8bff74bf7917.txt, Update the Kube-OVN version annotation",
	Args:     []Arg{{Name: "cluster", Doc: "the workload cluster; by default the first"}},
	inject: func(ctx context.Context, s Site, a Args) (string, func(context.Context) error, error) {
		cluster, err := clusterOf(s, a)
		if err != nil {
			return "", nil, err
		}
		cfg, err := s.Administrator("")
		if err != nil {
			return "", nil, err
		}
		c, err := client.New(cfg, client.Options{})
		if err != nil {
			return "", nil, err
		}
		o, err := findCluster(ctx, c, cluster)
		if err != nil {
			return "", nil, err
		}
		old := o.GetAnnotations()[gate]
		set := func(ctx context.Context, v string) error {
			return c.Patch(ctx, o, client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"metadata":{"annotations":{%q:%s}}}`, gate, v)))
		}
		return "Cluster " + cluster, func(ctx context.Context) error { return set(ctx, fmt.Sprintf("%q", old)) }, set(ctx, "null")
	},
}

func findCluster(ctx context.Context, c client.Client, name string) (*unstructured.Unstructured, error) {
	l := &unstructured.UnstructuredList{}
	l.SetAPIVersion("cluster.x-k8s.io/v1beta1")
	l.SetKind("ClusterList")
	if err := c.List(ctx, l); err != nil {
		return nil, fmt.Errorf("list clusters: %w", err)
	}
	for i := range l.Items {
		if l.Items[i].GetName() == name {
			return &l.Items[i], nil
		}
	}
	return nil, fmt.Errorf("cluster %q: not found", name)
}
