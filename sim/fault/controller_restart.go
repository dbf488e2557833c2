package fault

import "context"

var controllerRestart = Fault{
	ID: "controller-restart",
	Effect: "a controller manager ends: its queue and back-off are lost, what it is doing is cut short at its next request to the management API, and " +
		"nobody waits for its tasks in vCenter any more. Its webhooks go on, as another replica's",
	Symptom: "nothing that it cares for moves until it is back; then it looks at everything. A VM whose task was under way is looked at again only at the " +
		"next sync, at most ten minutes later, and a task that was begun and not noted may be begun again",
	Recovery: "none: it comes back by itself",
	Heal:     "it is back; unless heal= says when, after 30s",
	Lasts:    "time:30s",
	Source: "sigs.k8s.io/controller-runtime@v0.23.3 pkg/internal/controller; sigs.k8s.io/cluster-api-provider-vsphere@v1.16.1 " +
		"pkg/services/govmomi/service.go ReconcileVM; guess: how long it is away",
	Args: []Arg{{Name: "controller", Doc: "which", Default: "control-plane-kubeadm", OneOf: controllers}},
	inject: func(_ context.Context, s Site, a Args, hit func(string)) (laid, error) {
		start, err := s.StopController(a["controller"])
		if err != nil {
			return laid{}, err
		}
		hit("controller manager " + a["controller"] + ": ended")
		return laid{heal: func(context.Context) error { start(); return nil }}, nil
	},
}
