package fault

import (
	"context"
	"fmt"
	"slices"

	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var drainBlocked = Fault{
	ID:     "drain-blocked",
	Effect: "a PodDisruptionBudget of the workload cluster allows no disruption",
	Symptom: `the old Machine stays in Deleting/DrainingNode, "cannot evict pod as it would violate the pod's disruption budget"; ` +
		"its node stays SchedulingDisabled until nodeDrainTimeout ends the drain",
	Recovery: "relax the budget or add replicas; the drain goes on at its next try, 20 s later",
	Source:   "003_e1acc10d719f56e0.txt, PodDisruptionBudgets; sigs.k8s.io/cluster-api@v1.13.4 internal/controllers/machine/drain",
	Args: []Arg{
		{Name: "cluster", Doc: "the workload cluster; by default the first"},
		{Name: "budget", Doc: "namespace/name; by default one outside kube-system, drawn from the seed"},
	},
	inject: func(ctx context.Context, s Site, a Args) (string, func(context.Context) error, error) {
		cluster, err := clusterOf(s, a)
		if err != nil {
			return "", nil, err
		}
		cfg, err := s.Administrator(cluster)
		if err != nil {
			return "", nil, err
		}
		c, err := client.New(cfg, client.Options{})
		if err != nil {
			return "", nil, err
		}
		pdb, err := pickBudget(ctx, s, c, a["budget"])
		if err != nil {
			return "", nil, err
		}
		before := pdb.DeepCopy()
		pdb.Spec.MinAvailable, pdb.Spec.MaxUnavailable = nil, ptr.To(intstr.FromInt32(0))
		if err := c.Update(ctx, pdb); err != nil {
			return "", nil, err
		}
		return cluster + ": PodDisruptionBudget " + before.Namespace + "/" + before.Name, func(ctx context.Context) error {
			now := &policyv1.PodDisruptionBudget{}
			if err := c.Get(ctx, client.ObjectKeyFromObject(before), now); err != nil {
				return client.IgnoreNotFound(err) // somebody removed it: nothing blocks any more
			}
			now.Spec = before.Spec
			return c.Update(ctx, now)
		}, nil
	},
}

func pickBudget(ctx context.Context, s Site, c client.Client, name string) (*policyv1.PodDisruptionBudget, error) {
	l := &policyv1.PodDisruptionBudgetList{}
	if err := c.List(ctx, l); err != nil {
		return nil, err
	}
	l.Items = slices.DeleteFunc(l.Items, func(p policyv1.PodDisruptionBudget) bool {
		if name != "" {
			return p.Namespace+"/"+p.Name != name
		}
		return p.Namespace == metav1.NamespaceSystem
	})
	if len(l.Items) == 0 {
		return nil, fmt.Errorf("no PodDisruptionBudget %s in the cluster", name)
	}
	return &l.Items[s.Draw("drain-blocked", len(l.Items))], nil
}
