package fault

import (
	"context"
	"time"
)

var watchDelayed = Fault{
	ID:     "watch-delayed",
	Effect: "the events of a kind reach the controllers late; people and the runbook see them at once. It fires at the first event that is held back",
	Symptom: "controllers act late and on what was: a phase that has come is noticed after the delay, and a write of theirs conflicts or is made twice; " +
		"waits come near their limits, nothing fails by itself",
	Recovery: "find out what keeps the API server's watch cache or the network busy; the controllers need no repair",
	Heal:     "what is held back is delivered at once, and what follows in time",
	Source:   "guess: the delay",
	Args: []Arg{{Name: "kind", Doc: "which", Default: "Machine", OneOf: []string{"Cluster", "KubeadmConfig", "KubeadmControlPlane", "Machine",
		"MachineDeployment", "MachineSet", "VSphereCluster", "VSphereMachine", "VSphereVM"}},
		{Name: "delay", Doc: "site time by which events are late", Default: "30s", Kind: Duration}},
	inject: func(_ context.Context, s Site, a Args, hit func(string)) (laid, error) {
		d, err := time.ParseDuration(a["delay"])
		if err != nil {
			return laid{}, err
		}
		heal := s.DelayWatches(a["kind"], d, func() { hit("watch of " + a["kind"] + ": its events are late") })
		return laid{heal: func(context.Context) error { heal(); return nil }, waits: "the next change of a " + a["kind"]}, nil
	},
}
