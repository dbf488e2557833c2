package clock

import (
	"cmp"
	"maps"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
)

// Halt ends a controller as its process ends: what was queued is lost, and with it what was to come later and the
// back-off of what has failed. Nothing is handed out until Resume; what is reconciled already goes on.
func (q *Queue) Halt() {
	q.c.mu.Lock()
	defer q.c.mu.Unlock()
	if q.halted || q.stopped {
		return
	}
	q.halted = true
	for k, i := range q.items {
		q.dropLocked(i)
		delete(q.items, k)
		q.known[k] = true
		q.rl.Forget(k)
	}
	for k := range q.started {
		q.known[k] = true
		q.rl.Forget(k)
	}
	clear(q.started)
}

// Resume is a new process: it lists everything there is, and reconciles all of it.
func (q *Queue) Resume() {
	q.c.mu.Lock()
	defer q.c.mu.Unlock()
	if !q.halted {
		return
	}
	q.halted = false
	byName := func(a, b request) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	}
	for _, k := range slices.SortedFunc(maps.Keys(q.known), byName) { // not in the order of a map, which is chance
		q.addLocked(priorityqueue.AddOpts{}, k)
	}
	clear(q.known)
}
