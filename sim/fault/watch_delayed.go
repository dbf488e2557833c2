package fault

import (
	"context"
	"fmt"
	"time"
)

// leastDelay is how long upstream's controllers wait for their caches. Site time stands still while they do, so that
// they would give up on a shorter delay too, which they do not in reality.
const leastDelay = 10 * time.Second

var watchDelayed = Fault{
	ID:     "watch-delayed",
	Effect: "the events of a kind reach the controllers late; people and the runbook see them at once. It fires at the first event that is held back",
	Symptom: "controllers act late and on what was: a phase that has come is noticed after the delay, and a write of theirs conflicts or is made twice; " +
		"waits come near their limits. A KubeadmControlPlane that does not see the Machine that it has just created gives up after 10 s and deletes what it " +
		"made for it: that Machine stays Pending for good, \"KubeadmConfig does not exist\", and the rollout with it",
	Recovery: "find out what keeps the API server's watch cache or the network busy; delete a Machine whose KubeadmConfig does not exist; the controllers need no repair",
	Heal:     "what is held back is delivered at once, and what follows in time",
	Source:   "sigs.k8s.io/cluster-api@v1.13.4 internal/util/client.WaitForObjectsToBeAddedToTheCache, controlplane/kubeadm/internal/controllers/helpers.go cleanupFromGeneration; guess: the delay",
	Args: []Arg{{Name: "kind", Doc: "which", Default: "Machine", OneOf: []string{"Cluster", "KubeadmConfig", "KubeadmControlPlane", "Machine",
		"MachineDeployment", "MachineSet", "VSphereCluster", "VSphereMachine", "VSphereVM"}},
		{Name: "delay", Doc: "site time by which events are late, 10s or more", Default: "30s", Kind: Duration}},
	inject: func(_ context.Context, s Site, a Args, hit func(string)) (laid, error) {
		d, err := time.ParseDuration(a["delay"])
		if err != nil {
			return laid{}, err
		}
		if d < leastDelay {
			return laid{}, fmt.Errorf("delay: got %s, want at least %s", d, leastDelay)
		}
		heal := s.DelayWatches(a["kind"], d, func() { hit("watch of " + a["kind"] + ": its events are late") })
		return laid{heal: func(context.Context) error { heal(); return nil }, waits: "the next change of a " + a["kind"]}, nil
	},
}
