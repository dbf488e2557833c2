package fault

import (
	"context"
	"fmt"
	"slices"
	"strings"

	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var drainBlocked = Fault{
	ID:     "drain-blocked",
	Effect: "a PodDisruptionBudget of the workload cluster allows no disruption; it fires when it stops the drain of a Machine",
	Symptom: `the old Machine stays in Deleting/DrainingNode, "cannot evict pod as it would violate the pod's disruption budget"; ` +
		"its node stays SchedulingDisabled until nodeDrainTimeout ends the drain",
	Recovery: "relax the budget or add replicas; the drain goes on at its next try, 20 s later",
	Heal:     "gives the budget the spec that it had, unless it was deleted meanwhile",
	Source:   "003_e1acc10d719f56e0.txt, PodDisruptionBudgets; sigs.k8s.io/cluster-api@v1.13.4 internal/controllers/machine/drain",
	Args: []Arg{
		clusterArg,
		{Name: "budget", Doc: "namespace/name; by default one outside kube-system, drawn from the seed"},
	},
	inject: func(ctx context.Context, s Site, a Args, hit func(string)) (laid, error) {
		cluster, err := clusterOf(s, a)
		if err != nil {
			return laid{}, err
		}
		cfg, err := s.Administrator(cluster)
		if err != nil {
			return laid{}, err
		}
		c, err := client.New(cfg, client.Options{})
		if err != nil {
			return laid{}, err
		}
		pdb, err := pickBudget(ctx, s, c, a["budget"])
		if err != nil {
			return laid{}, err
		}
		before := pdb.DeepCopy()
		pdb.Spec.MinAvailable, pdb.Spec.MaxUnavailable = nil, ptr.To(intstr.FromInt32(0))
		if err := c.Update(ctx, pdb); err != nil {
			return laid{}, err
		}
		name := before.Namespace + "/" + before.Name
		return laid{
			heal: func(ctx context.Context) error {
				now := &policyv1.PodDisruptionBudget{}
				if err := c.Get(ctx, client.ObjectKeyFromObject(before), now); err != nil {
					return client.IgnoreNotFound(err) // somebody removed it: nothing blocks any more
				}
				now.Spec = before.Spec
				return c.Update(ctx, now)
			},
			waits: fmt.Sprintf("a drain that PodDisruptionBudget %s of %s stops", name, cluster),
			sees: func(m Machine) {
				if m.Cluster == cluster && stops(m.Message, before.Name) {
					hit(fmt.Sprintf("Machine %s: its drain is stopped by PodDisruptionBudget %s", m.Name, name))
				}
			},
		}, nil
	},
}

// stops tells whether a Machine says that this budget stops its drain
// (sigs.k8s.io/cluster-api@v1.13.4 internal/controllers/machine/drain EvictionResult.ConditionMessage;
// k8s.io/kubernetes@v1.35.4 pkg/registry/core/pod/storage/eviction.go for the part with the name).
func stops(message, budget string) bool {
	_, why, ok := strings.Cut(message, "cannot evict pod as it would violate the pod's disruption budget")
	return ok && strings.Contains(why, "The disruption budget "+budget+" ")
}

func pickBudget(ctx context.Context, s Site, c client.Client, name string) (*policyv1.PodDisruptionBudget, error) {
	l := &policyv1.PodDisruptionBudgetList{}
	if err := c.List(ctx, l); err != nil {
		return nil, err
	}
	var all []string
	for _, p := range l.Items {
		all = append(all, p.Namespace+"/"+p.Name)
	}
	l.Items = slices.DeleteFunc(l.Items, func(p policyv1.PodDisruptionBudget) bool {
		if name != "" {
			return p.Namespace+"/"+p.Name != name
		}
		return p.Namespace == metav1.NamespaceSystem
	})
	if len(l.Items) == 0 {
		return nil, fmt.Errorf("budget: got %q and the cluster's PodDisruptionBudgets [%s], want one that is there, by default outside kube-system",
			name, strings.Join(all, " "))
	}
	return &l.Items[s.Draw("drain-blocked", len(l.Items))], nil
}
