package clock

import (
	"time"

	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
)

// guardRetry is how soon a controller looks again at what its guard has made it skip, as in production.
const guardRetry = 30 * time.Second

// SetGuard makes controllers skip objects, as if the first thing that they do were to ask whether they may act here, and
// to look again 30 s later when they may not. skips is asked with the controller's name each time that one is about to
// reconcile; it may not call the clock. Nil: nothing is skipped.
func (c *Clock) SetGuard(skips func(controller string) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.guard = skips
}

// skipLocked takes a ready item off the queue until later, if the guard wants it.
func (q *Queue) skipLocked(i *item) bool {
	if q.c.guard == nil || !q.c.guard(q.name) {
		return false
	}
	delete(q.items, i.key)
	q.dropLocked(i)
	q.addLocked(priorityqueue.AddOpts{After: guardRetry, Priority: &i.priority}, i.key)
	return true
}
