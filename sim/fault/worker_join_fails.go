package fault

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var workerJoinFails = Fault{
	ID:       "worker-join-fails",
	Effect:   "kubeadm join fails in every new worker",
	Symptom:  "the new Machine stays Provisioned and never gets a node; the MachineDeployment stays at one machine too many, the old workers go on",
	Recovery: "repair the cause and delete the Machine that did not join; its MachineSet makes another one",
	Source:   "000_d64b8bff74bf7917.txt, Rolling Back a Failed Upgrade: nodes do not become Ready",
	Args:     []Arg{{Name: "cluster", Doc: "the workload cluster; by default the first"}},
	inject: func(_ context.Context, s Site, a Args) (string, func(context.Context) error, error) {
		cluster, err := clusterOf(s, a)
		if err != nil {
			return "", nil, err
		}
		failed, stop := s.FailJoins(cluster, "error execution phase preflight: couldn't validate the identity of the API Server")
		return "workers of " + cluster, func(ctx context.Context) error {
			stop()
			return deleteMachines(ctx, s, failed())
		}, nil
	},
}

// deleteMachines does what the documents ask of the operator.
func deleteMachines(ctx context.Context, s Site, names []string) error {
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
	if err := c.List(ctx, l); err != nil {
		return fmt.Errorf("list machines: %w", err)
	}
	for _, name := range names {
		for i := range l.Items {
			if m := &l.Items[i]; m.GetName() == name {
				if err := c.Delete(ctx, m); client.IgnoreNotFound(err) != nil {
					return fmt.Errorf("delete machine %s: %w", name, err)
				}
			}
		}
	}
	return nil
}
