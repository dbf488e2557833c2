package fault

import (
	"context"
	"fmt"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// guestsFail injects a fault of new machines of a role; "": of that which the argument names. Its heal removes the cause
// and deletes the Machines that have no node because of it, since a first boot is not done again: all but those that
// have registered one, which will do.
func guestsFail(edge Edge, role, what, waits string) func(context.Context, Site, Args, func(string)) (laid, error) {
	return func(_ context.Context, s Site, a Args, hit func(string)) (laid, error) {
		cluster, err := clusterOf(s, a)
		if err != nil {
			return laid{}, err
		}
		of := role
		if of == "" {
			of = a["role"]
		}
		var mu sync.Mutex
		failed := map[string]bool{}
		heal := s.FailGuests(edge, s.Which(cluster, of), func(machine string) {
			mu.Lock()
			failed[machine] = true
			mu.Unlock()
			hit(fmt.Sprintf("Machine %s of %s: %s", machine, cluster, what))
		})
		return laid{
			heal: func(ctx context.Context) error {
				if err := heal(ctx); err != nil || edge == NodeNeverReady || edge == HostnameTaken {
					return err // its Machine may not know of the node yet
				}
				mu.Lock()
				defer mu.Unlock()
				return deleteMachines(ctx, s, cluster, failed)
			},
			waits: waits + " in " + cluster,
		}, nil
	}
}

// deleteMachines deletes those of a cluster's machines that are still there and still have no node.
func deleteMachines(ctx context.Context, s Site, cluster string, names map[string]bool) error {
	if len(names) == 0 {
		return nil
	}
	c, err := administratorOf(s, "")
	if err != nil {
		return err
	}
	l := &unstructured.UnstructuredList{}
	l.SetAPIVersion("cluster.x-k8s.io/v1beta1")
	l.SetKind("MachineList")
	if err := c.List(ctx, l, client.MatchingLabels{"cluster.x-k8s.io/cluster-name": cluster}); err != nil {
		return fmt.Errorf("list machines: %w", err)
	}
	for i := range l.Items {
		m := &l.Items[i]
		if _, joined, _ := unstructured.NestedMap(m.Object, "status", "nodeRef"); joined || !names[m.GetName()] {
			continue
		}
		if err := c.Delete(ctx, m); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete machine %s: %w", m.GetName(), err)
		}
	}
	return nil
}

// ignoreExists is nil when somebody has made the object meanwhile.
func ignoreExists(err error) error {
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}
