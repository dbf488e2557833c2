package fault

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/rehearse-dev/rehearse/fakes/kubeovn"
)

var appReleaseEdited = Fault{
	ID:     "apprelease-edited",
	Effect: "somebody edits the AppRelease cni-kube-ovn itself: its chart gets another targetRevision",
	Symptom: "the delivery of that revision begins, and the provider overwrites the spec when it looks at the cluster next, at most 10 minutes " +
		"later: the edit has vanished",
	Recovery: "change the annotation cpaas.io/kube-ovn-version of the Cluster instead",
	Heal:     "sets the revision back, unless it is another one by then",
	Source:   "github.com/alauda/immutable-infra-docs docs/en/upgrade-cluster/index.mdx",
	Args: []Arg{
		clusterArg,
		{Name: "revision", Doc: "of the chart", Default: "v0.0.0"},
	},
	inject: func(ctx context.Context, s Site, a Args, hit func(string)) (laid, error) {
		cluster, err := clusterOf(s, a)
		if err != nil {
			return laid{}, err
		}
		person, err := administratorOf(s, cluster)
		if err != nil {
			return laid{}, err
		}
		o, err := person.object(ctx, kubeovn.GroupVersionKind(), kubeovn.Namespace, kubeovn.Name)
		if err != nil {
			return laid{}, err
		}
		charts, _, err := unstructured.NestedSlice(o.Object, "spec", "source", "charts")
		if err != nil || len(charts) == 0 {
			return laid{}, fmt.Errorf("AppRelease %s: got no charts, want one (%v)", kubeovn.Name, err)
		}
		chart, _ := charts[0].(map[string]any)
		chart["targetRevision"] = a["revision"]
		back, err := person.exchange(ctx, o, charts, "spec", "source", "charts")
		if err != nil {
			return laid{}, err
		}
		hit(fmt.Sprintf("AppRelease %s of %s: targetRevision %s by hand", kubeovn.Name, cluster, a["revision"]))
		return laid{heal: back}, nil
	},
}
