package fault

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rehearse-dev/rehearse/fakes/kubeovn"
)

const gate = kubeovn.NetworkTypeAnnotation

var kubeOVNUngated = Fault{
	ID:       "kube-ovn-ungated",
	Effect:   "the Cluster loses the annotation " + gate,
	Symptom:  "before the run: preflight refuses with kube-ovn-ungated. Later: a new cpaas.io/kube-ovn-version changes nothing, without any event or condition",
	Recovery: "set " + gate + ": kube-ovn on the Cluster; the delivery goes on by itself",
	Source:   "000_d64b8bff74bf7917.txt, Update the Kube-OVN version annotation",
	Heal:     "sets the annotation to what it was, unless somebody has set it meanwhile",
	Args:     []Arg{clusterArg},
	inject: func(ctx context.Context, s Site, a Args, hit func(string)) (laid, error) {
		cluster, err := clusterOf(s, a)
		if err != nil {
			return laid{}, err
		}
		cfg, err := s.Administrator("")
		if err != nil {
			return laid{}, err
		}
		c, err := client.New(cfg, client.Options{})
		if err != nil {
			return laid{}, err
		}
		o, err := findCluster(ctx, c, cluster)
		if err != nil {
			return laid{}, err
		}
		old, there := o.GetAnnotations()[gate]
		if !there {
			return laid{}, fmt.Errorf("Cluster %s: does not carry %s, so there is nothing to take away", cluster, gate)
		}
		if err := annotate(ctx, c, o, "null"); err != nil {
			return laid{}, err
		}
		hit(fmt.Sprintf("Cluster %s: annotation %s removed", cluster, gate))
		return laid{heal: func(ctx context.Context) error {
			now, err := findCluster(ctx, c, cluster)
			if err != nil {
				return err
			}
			if _, there := now.GetAnnotations()[gate]; there {
				return nil
			}
			return annotate(ctx, c, now, fmt.Sprintf("%q", old))
		}}, nil
	},
}

// annotate sets the gate to a value in JSON.
func annotate(ctx context.Context, c client.Client, o client.Object, v string) error {
	return c.Patch(ctx, o, client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"metadata":{"annotations":{%q:%s}}}`, gate, v)))
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
