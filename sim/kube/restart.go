package kube

import (
	"fmt"
	"maps"
	"slices"
)

// Stop ends a controller manager, by its name, as far as that can be in one process: its queues and their back-off are
// lost, and what it is reconciling ends at its next request, which finds no way out any more. start is a new process
// that reconciles everything there is. The caches stay: a new process would have filled them by then. So do the
// connections to workload clusters, and the webhooks, which another replica may serve.
func (k *Controllers) Stop(name string) (start func(), err error) {
	k.mu.Lock()
	queues := slices.Clone(k.queues[name])
	known := slices.Sorted(maps.Keys(k.queues))
	k.mu.Unlock()
	if len(queues) == 0 {
		return nil, fmt.Errorf("controller manager %q: not known; there are %v", name, known)
	}
	open := k.line.Inject(LineFault{Effect: LineRefuse, Clients: []string{name}})
	for _, q := range queues {
		q.Halt()
	}
	return func() {
		open()
		for _, q := range queues {
			q.Resume()
		}
	}, nil
}
