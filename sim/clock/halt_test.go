package clock

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestAControllerThatIsHaltedForgetsItsQueueAndComesBackToEverything(t *testing.T) {
	c := run(t, Options{Pace: Hold})
	q := c.ControllerOptions(1, time.Second, Hang{}).NewQueue("q", &backoff{failures: map[request]int{}}).(*Queue)
	q.Add(key("runs"))
	running, _ := q.Get()
	q.Add(key("ready"))
	q.AddAfter(key("later"), time.Minute)
	q.AddRateLimited(key("failed"))
	q.Halt()
	q.Add(key("new"))        // made while it is down
	q.AddAfter(running, 5e9) // what runs ends as it would have
	q.Done(running)
	if n := q.Len(); n != 0 || q.NumRequeues(key("failed")) != 0 {
		t.Errorf("halted: %d ready, and %d failures remembered, want none", n, q.NumRequeues(key("failed")))
	}
	if h := c.Holders(); len(h) != 0 {
		t.Errorf("halted: the clock is held by %v", h)
	}
	c.SetPace(Free)
	passed := make(chan struct{})
	c.After("down", 30*time.Second, func() { q.Resume(); close(passed) })
	await(t, c, "the time that it is down", passed)
	var got []string
	for range 5 {
		k, _ := q.Get()
		got = append(got, k.Name)
		q.Done(k)
	}
	if want := []string{"failed", "later", "new", "ready", "runs"}; !slices.Equal(got, want) || c.Elapsed() != 30*time.Second {
		t.Errorf("afterwards: got %v at %s, want %v at 30s: the order is not chance", got, c.Elapsed(), want)
	}
	q.Resume() // once is enough
	q.ShutDown()
	if h := c.Holders(); len(h) != 0 {
		t.Errorf("afterwards: the clock is held by %s", strings.Join(h, ", "))
	}
}
