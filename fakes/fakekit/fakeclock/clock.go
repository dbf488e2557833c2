// Package fakeclock is a deterministic fakekit.Clock for the tests of fakes: site time moves only when a test says so.
//
// The one type is Clock. It imports nothing of this module, never sleeps, and moves only in Advance. A Clock is of
// no use outside tests: the twin's own clock is in sim/clock.
package fakeclock

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// Start is the site time of a new Clock.
var Start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// patience is how long, in real time, Advance waits for a Busy token before it says who holds it.
const patience = 30 * time.Second

// Clock is a fakekit.Clock whose time moves in Advance alone. Its methods may be called from any goroutine.
type Clock struct {
	mu      sync.Mutex
	idle    *sync.Cond // busy became empty
	now     time.Time
	seq     int
	timers  []*timer
	busy    map[int]string
	touches int
	late    []string
}

type timer struct {
	at   time.Time
	seq  int
	what string
	fn   func()
}

// New returns a Clock that stands at Start.
func New() *Clock {
	c := &Clock{now: Start, busy: map[int]string{}}
	c.idle = sync.NewCond(&c.mu)
	return c
}

// Now is the site time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// After runs fn, on a goroutine of its own and holding a Busy token, in the Advance that reaches d from now.
func (c *Clock) After(what string, d time.Duration, fn func()) (cancel func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seq++
	t := &timer{at: c.now.Add(max(d, 0)), seq: c.seq, what: what, fn: fn}
	c.timers = append(c.timers, t)
	return func() { c.remove(t) }
}

// Busy holds up Advance until done is called; calling it twice is harmless.
func (c *Clock) Busy(what string) (done func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.busyLocked(what)
}

// Touch counts; see Touches.
func (c *Clock) Touch() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.touches++
}

// Touches is how often Touch was called.
func (c *Clock) Touches() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.touches
}

// Late counts; see GivenUp.
func (c *Clock) Late(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.late = append(c.late, what)
}

// GivenUp is what Late was called with, in order.
func (c *Clock) GivenUp() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.late)
}

// Waiting names the timers that have not fired, the next one first.
func (c *Clock) Waiting() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sortLocked()
	names := make([]string, 0, len(c.timers))
	for _, t := range c.timers {
		names = append(names, t.what)
	}
	return names
}

// Advance moves site time on by d. It fires the timers on the way one by one, those of one instant in the order in
// which they were set, and waits before and after each until nobody is Busy. A token that is held for half a minute
// of real time is a panic that names it.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	end := c.now.Add(d)
	for {
		c.settleLocked()
		t := c.nextLocked(end)
		if t == nil {
			c.now = end
			return
		}
		c.now = t.at
		done := c.busyLocked(t.what)
		go func() {
			defer done()
			t.fn()
		}()
	}
}

// Settle waits until nobody is Busy; site time stands still.
func (c *Clock) Settle() { c.Advance(0) }

// settleLocked waits for the last Busy token. The alarm's timer is real: it guards the test, not the site.
func (c *Clock) settleLocked() {
	late := false
	alarm := time.AfterFunc(patience, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		late = true
		c.idle.Broadcast()
	})
	defer alarm.Stop()
	for len(c.busy) > 0 {
		if late {
			panic(fmt.Sprintf("fakeclock: busy for %s: %v", patience, c.busy))
		}
		c.idle.Wait()
	}
}

// nextLocked takes the first timer that is due by end.
func (c *Clock) nextLocked(end time.Time) *timer {
	c.sortLocked()
	if len(c.timers) == 0 || c.timers[0].at.After(end) {
		return nil
	}
	t := c.timers[0]
	c.timers = c.timers[1:]
	return t
}

func (c *Clock) sortLocked() {
	slices.SortFunc(c.timers, func(a, b *timer) int {
		if n := a.at.Compare(b.at); n != 0 {
			return n
		}
		return a.seq - b.seq
	})
}

func (c *Clock) remove(t *timer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timers = slices.DeleteFunc(c.timers, func(o *timer) bool { return o == t })
}

func (c *Clock) busyLocked(what string) (done func()) {
	c.seq++
	id := c.seq
	c.busy[id] = what
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.busy, id)
		if len(c.busy) == 0 {
			c.idle.Broadcast()
		}
	}
}
