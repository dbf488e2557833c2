package fault

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
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
		return removeAnnotation(ctx, s, a, gate, hit)
	},
}

// removeAnnotation takes an annotation of the Cluster away; its heal sets it again, unless somebody has done so.
func removeAnnotation(ctx context.Context, s Site, a Args, key string, hit func(string)) (laid, error) {
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
	if _, there := o.GetAnnotations()[key]; !there {
		return laid{}, fmt.Errorf("Cluster %s: does not carry %s, so there is nothing to take away", cluster, key)
	}
	back, err := person.exchange(ctx, o, nil, "metadata", "annotations", key)
	if err != nil {
		return laid{}, err
	}
	hit(fmt.Sprintf("Cluster %s: annotation %s removed", cluster, key))
	return laid{heal: back}, nil
}

func findCluster(ctx context.Context, c client.Client, name string) (*unstructured.Unstructured, error) {
	l := &unstructured.UnstructuredList{}
	l.SetGroupVersionKind(clusterKind.GroupVersion().WithKind("ClusterList"))
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
