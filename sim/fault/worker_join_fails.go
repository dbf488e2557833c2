package fault

import (
	"context"
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var workerJoinFails = Fault{
	ID:     "worker-join-fails",
	Effect: "kubeadm join fails in every new worker; it fires at each worker whose join fails",
	Symptom: "the new Machine stays Provisioned and never gets a node, and the rollout of its MachineDeployment stands: with maxSurge 1 at one " +
		"machine too many, with maxSurge 0 at one too few; the old workers go on",
	Recovery: "repair the cause and delete the Machine that did not join; its MachineSet makes another one",
	Heal:     "repairs the cause and deletes the Machines that did not join, as the documents ask of the operator",
	Source:   "000_d64b8bff74bf7917.txt, Rolling Back a Failed Upgrade: nodes do not become Ready",
	Args:     []Arg{clusterArg},
	inject: func(_ context.Context, s Site, a Args, hit func(string)) (laid, error) {
		cluster, err := clusterOf(s, a)
		if err != nil {
			return laid{}, err
		}
		var mu sync.Mutex
		failed := map[string]bool{}
		stop, err := s.FailJoins(cluster, "error execution phase preflight: couldn't validate the identity of the API Server", func(name string) {
			mu.Lock()
			failed[name] = true
			mu.Unlock()
			hit(fmt.Sprintf("Machine %s of %s: kubeadm join failed", name, cluster))
		})
		if err != nil {
			return laid{}, err
		}
		return laid{
			heal: func(ctx context.Context) error {
				stop()
				mu.Lock()
				defer mu.Unlock()
				return deleteMachines(ctx, s, cluster, failed)
			},
			waits: "a new worker of " + cluster + " that joins",
		}, nil
	},
}

// deleteMachines deletes those of a cluster's machines that are still there and still have no node.
func deleteMachines(ctx context.Context, s Site, cluster string, names map[string]bool) error {
	cfg, err := s.Administrator("")
	if err != nil {
		return err
	}
	c, err := client.New(cfg, client.Options{})
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
