package clock

import (
	"context"
	"testing"
	"time"
)

// A reconcile that waits for an answer lets the others go on, and is back before site time passes its instant.
func TestAReconcileThatIsParkedLetsSiteTimePass(t *testing.T) {
	c := run(t, Options{})
	q := c.ControllerOptions(1, 0, Hang{After: time.Nanosecond, Factor: 1e12}).NewQueue("q", &backoff{failures: map[request]int{}}).(*Queue)
	q.Add(key("a"))
	k, _ := q.Get()
	var other time.Duration
	c.After("somebody else", 30*time.Second, func() { other = c.Elapsed() })
	c.After("later", 2*time.Minute, func() {})
	q.Add(k) // something has happened to the object meanwhile: it is not waited for before the answer
	both := make(chan error)
	for range 2 { // requests side by side
		go func() { both <- c.Park(context.Background(), "r-1", time.Minute) }()
	}
	for range 2 {
		if err := await(t, c, "the answer", both); err != nil {
			t.Error(err)
		}
	}
	if got := c.Elapsed(); got != time.Minute || other != 30*time.Second {
		t.Errorf("answered at %s, the other at %s, want 1m0s and 30s", got, other)
	}
	q.Add(k) // as long as it runs it is counted
	q.Done(k)
	if q.Get(); c.Elapsed() != time.Minute {
		t.Errorf("reconciled again at %s: it was taken for hung", c.Elapsed())
	}
	q.Done(k)
	q.ShutDown()
	if c.busy != 0 || len(c.parked) != 0 {
		t.Errorf("afterwards: busy %d, parked %v, want nothing", c.busy, c.parked)
	}
}

// What is ready behind workers that all wait for an answer does not keep that answer from coming.
func TestWhatWaitsForAParkedWorkerLetsSiteTimePass(t *testing.T) {
	c := run(t, Options{})
	q := c.ControllerOptions(1, 0, Hang{}).NewQueue("q", &backoff{failures: map[request]int{}}).(*Queue)
	done := c.Busy("the test")
	q.Add(key("a"))
	q.Add(key("b"))
	k, _ := q.Get()
	q.Add(key("c"))
	answered := make(chan error)
	go func() {
		err := c.Park(context.Background(), "r-1", time.Minute)
		q.Done(k)
		answered <- err
	}()
	done()
	if err := await(t, c, "the answer", answered); err != nil {
		t.Error(err)
	}
	for range 2 { // they are waited for as soon as the worker is free
		k, _ := q.Get()
		if c.Elapsed() != time.Minute {
			t.Errorf("%s: taken up at %s, want 1m0s", k.Name, c.Elapsed())
		}
		q.Done(k)
	}
	q.ShutDown()
	if c.busy != 0 {
		t.Errorf("afterwards: busy %d (%v), want nothing", c.busy, c.Holders())
	}
}

func TestAParkedReconcileEndsWithItsContext(t *testing.T) {
	c := run(t, Options{Pace: Hold})
	defer c.Busy("a reconcile")()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- c.Park(ctx, "r-1", time.Hour) }()
	cancel()
	if err := await(t, c, "the end", ended); err == nil {
		t.Error("got no error, want the context's")
	}
	if c.mu.Lock(); c.busy != 1 || len(c.heap) != 0 {
		t.Errorf("afterwards: busy %d, %d timers, want 1 and none", c.busy, len(c.heap))
	}
	c.mu.Unlock()
}
