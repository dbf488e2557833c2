package clock

import (
	"context"
	"time"
)

// Park lets d of site time pass for a reconcile that waits for an answer: what it holds of the clock is given back
// meanwhile, so that everybody else goes on. reconcile is its id; requests that it sends side by side are one wait. A
// caller in no reconcile sleeps with Sleep. The error is that of a context that ended first.
func (c *Clock) Park(ctx context.Context, reconcile string, d time.Duration) error {
	woken := make(chan struct{}, 1)
	c.mu.Lock()
	c.parked[reconcile]++
	if c.parked[reconcile] == 1 {
		c.busy--
		c.excuseLocked()
	}
	t := c.afterLocked("answer to a reconcile", d, func() {
		c.unparkLocked(reconcile) // now, so that the clock cannot run on before the caller is back
		woken <- struct{}{}
	})
	c.Touch()
	c.mu.Unlock()
	select {
	case <-woken:
		return nil
	case <-ctx.Done():
		c.mu.Lock()
		defer c.mu.Unlock()
		if t.idx >= 0 {
			c.cancelLocked(t)
			c.unparkLocked(reconcile)
		}
		return ctx.Err()
	}
}

func (c *Clock) unparkLocked(reconcile string) {
	c.Touch()
	if c.parked[reconcile]--; c.parked[reconcile] == 0 {
		delete(c.parked, reconcile)
		c.busy++
	}
}

// excuseLocked keeps the reconciles that run from being taken for hung: one of them waits, and which one of which key
// nobody knows here.
func (c *Clock) excuseLocked() {
	for _, q := range c.queues {
		for k := range q.running {
			q.excused[k] = true
		}
	}
}
