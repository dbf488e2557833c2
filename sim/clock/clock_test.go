package clock

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
)

var epoch = time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)

// run starts a clock that is stopped with the test.
func run(t testing.TB, o Options) *Clock {
	t.Helper()
	o.Start = epoch
	if o.Quiet == 0 {
		o.Quiet = time.Millisecond
	}
	c := New(o)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); c.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return c
}

// await waits for ch, and on the deadline says what the clock was doing.
func await[T any](t testing.TB, c *Clock, what string, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(20 * time.Second):
		t.Fatalf("%s: not within 20s; held by %v; waiting for %v", what, c.Holders(), c.Waiting(5))
		panic("unreachable")
	}
}

func TestTimersFireInOrderAtTheirInstant(t *testing.T) {
	c := run(t, Options{Pace: Hold})
	var mu sync.Mutex
	var got []string
	done := make(chan struct{})
	note := func(name string) func() {
		return func() {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, fmt.Sprintf("%s@%s", name, c.Elapsed()))
			if name == "last" {
				close(done)
			}
		}
	}
	c.After("last", 3*time.Hour, note("last"))
	c.After("first", time.Minute, note("first"))
	cancel := c.After("cancelled", time.Hour, note("cancelled"))
	c.After("second", 2*time.Hour, note("second"))
	cancel()
	c.SetPace(Free)
	await(t, c, "the last timer", done)
	want := []string{"first@1m0s", "second@2h0m0s", "last@3h0m0s"}
	if !slices.Equal(got, want) {
		t.Errorf("timers: got %v, want %v", got, want)
	}
}

func TestTheClockStandsStillWhileSomebodyIsBusy(t *testing.T) {
	c := run(t, Options{})
	release := c.Busy("test")
	fired := make(chan struct{})
	c.After("timer", time.Second, func() { close(fired) })
	if h := c.Holders(); !slices.Equal(h, []string{"test (1)"}) {
		t.Errorf("holders: got %v, want the test", h)
	}
	select {
	case <-fired:
		t.Fatal("the clock moved although a token was held")
	case <-time.After(50 * time.Millisecond): // nothing to wait for: we look for something that must not happen
	}
	release()
	release() // twice is harmless
	await(t, c, "the timer", fired)
}

func TestSleepersWakeOneAfterTheOther(t *testing.T) {
	c := run(t, Options{Pace: Hold})
	woken := make(chan time.Duration, 2)
	for _, d := range []time.Duration{2 * time.Minute, time.Minute} {
		go func() {
			if err := c.Sleep(context.Background(), d); err == nil {
				woken <- c.Elapsed()
			}
		}()
	}
	for len(c.Waiting(2)) < 2 { // both are asleep
		<-time.After(time.Millisecond)
	}
	c.SetPace(Free)
	for _, want := range []time.Duration{time.Minute, 2 * time.Minute} {
		if got := await(t, c, "a sleeper", woken); got != want {
			t.Errorf("woken at %s, want %s", got, want)
		}
	}
}

func TestSleepEndsWithItsContext(t *testing.T) {
	c := run(t, Options{Pace: Hold})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Sleep(ctx, time.Hour) }()
	cancel()
	if err := await(t, c, "the sleeper", ended); err != context.Canceled {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if w := c.Waiting(1); len(w) != 0 {
		t.Errorf("timers left: got %v, want none", w)
	}
}

func TestAPacedClockDoesNotRunAhead(t *testing.T) {
	c := run(t, Options{Pace: 60})
	from := Real()
	fired := make(chan time.Duration)
	c.After("timer", 6*time.Second, func() { fired <- Real() - from })
	if real := await(t, c, "the timer", fired); real < 90*time.Millisecond {
		t.Errorf("six seconds at x60 took %s of real time, want about 100ms", real)
	}
	if got := c.Elapsed(); got != 6*time.Second {
		t.Errorf("elapsed: got %s, want 6s", got)
	}
}

func TestAWriteHoldsTheClockUntilItsWatchEvent(t *testing.T) {
	gk := schema.GroupKind{Group: "g", Kind: "K"}
	c := run(t, Options{Pace: Hold, MaxWait: time.Minute})
	b := c.Barrier()
	b.addView(gk)
	b.Wrote(gk, "ns", "a", "7", false)
	fired := make(chan struct{})
	c.After("timer", time.Second, func() { close(fired) })
	c.SetPace(Free)
	select {
	case <-fired:
		t.Fatal("the clock moved before the write was seen")
	case <-time.After(50 * time.Millisecond): // we look for something that must not happen
	}
	if got := b.Outstanding(); len(got) != 1 {
		t.Fatalf("outstanding: got %v, want one write", got)
	}
	b.mu.Lock()
	delete(b.pending, objectKey{gk.String(), "ns", "a"})
	b.mu.Unlock()
	await(t, c, "the timer", fired)
}

func TestAWriteThatIsNeverSeenIsGivenUpAndCounted(t *testing.T) {
	gk := schema.GroupKind{Group: "g", Kind: "K"}
	c := run(t, Options{Quiet: 3 * time.Millisecond, MaxWait: 300 * time.Millisecond})
	looks := time.NewTicker(5 * time.Millisecond) // somebody looks again and again
	defer looks.Stop()
	go func() {
		for {
			select {
			case <-looks.C:
				c.Touch()
			case <-t.Context().Done():
				return
			}
		}
	}()
	c.Barrier().addView(gk)
	c.Barrier().Wrote(gk, "ns", "a", "7", false)
	fired := make(chan struct{})
	c.After("timer", time.Second, func() { close(fired) })
	await(t, c, "the timer", fired)
	if got, want := c.GivenUp(), []string{"a write of K.g ns/a, which was not seen for 300ms"}; !slices.Equal(got, want) || c.Stats().Late != 1 {
		t.Errorf("late: got %q and %d, want %q and 1", got, c.Stats().Late, want)
	}
}

func key(name string) request { return request{NamespacedName: types.NamespacedName{Name: name}} }

func TestAQueueOrdersByPriorityThenByTime(t *testing.T) {
	c := run(t, Options{Pace: Hold})
	q := c.ControllerOptions(1, 0, Hang{}).NewQueue("q", &backoff{failures: map[request]int{}}).(*Queue)
	low := -100
	q.AddWithOpts(priorityqueue.AddOpts{Priority: &low}, key("low"))
	q.Add(key("b"))
	q.Add(key("a"))
	q.Add(key("b")) // once only
	q.AddAfter(key("later"), time.Minute)
	var got []string
	for q.Len() > 0 {
		k, _ := q.Get()
		got = append(got, k.Name)
		q.Done(k)
	}
	c.SetPace(Free)
	k, _ := q.Get() // blocks until the clock has jumped
	got = append(got, fmt.Sprintf("%s@%s", k.Name, c.Elapsed()))
	q.Done(k)
	if want := "b a low later@1m0s"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", strings.Join(got, " "), want)
	}
}

func TestAQueueKeepsTheLeastInterval(t *testing.T) {
	c := run(t, Options{})
	q := c.ControllerOptions(1, time.Second, Hang{}).NewQueue("q", &backoff{base: time.Second, failures: map[request]int{}}).(*Queue)
	q.Add(key("a"))
	k, _ := q.Get()
	q.Add(k) // while it runs: afterwards, but not within the second
	q.Done(k)
	q.Get()
	if got := c.Elapsed(); got != time.Second {
		t.Errorf("second reconcile at %s, want 1s", got)
	}
	q.Done(k)
	q.AddRateLimited(k)
	q.Get()
	if got, want := c.Elapsed(), 2*time.Second+5*time.Millisecond; got != want {
		t.Errorf("after one failure at %s, want %s", got, want)
	}
	q.Done(k)
	q.ShutDown()
	if h := c.Holders(); len(h) != 0 {
		t.Errorf("holders after the end: got %v, want none", h)
	}
}

func TestWhatIsPutOffIsOwed(t *testing.T) {
	c := run(t, Options{Pace: Hold})
	q := c.ControllerOptions(1, time.Second, Hang{}).NewQueue("q", &backoff{base: time.Second, failures: map[request]int{}}).(*Queue)
	defer q.ShutDown()
	owes := func(what string, want time.Duration) {
		t.Helper()
		if got := c.Owed(); got != want {
			t.Errorf("%s: %s are owed, want %s", what, got, want)
		}
	}
	q.AddAfter(key("later"), time.Hour)
	q.Add(key("a"))
	k, _ := q.Get()
	owes("what is asked for at a time, and what runs", 0)
	q.Add(k)
	owes("a reconcile within the second", time.Second)
	q.Done(k)
	q.AddRateLimited(key("failed"))
	owes("one after a failure", time.Second+5*time.Millisecond)
	q.Add(key("later"))
	q.Get()
	owes("what is asked for at once after all", time.Second+5*time.Millisecond)
}

func TestWhatFailsForGoodIsNotOwed(t *testing.T) {
	c := run(t, Options{})
	q := c.ControllerOptions(1, 0, Hang{}).NewQueue("q", &backoff{failures: map[request]int{}}).(*Queue)
	defer q.ShutDown()
	q.Add(key("a"))
	for n := range fewFailures + 2 {
		k, _ := q.Get()
		done := c.Busy("the test") // the clock stands
		q.AddRateLimited(k)
		q.Done(k)
		if got, want := c.Owed() > 0, n < fewFailures; got != want {
			t.Errorf("after %d failures: owed %v, want %v", n+1, got, want)
		}
		done()
	}
}

func TestAGuardMakesAControllerLookAgainLater(t *testing.T) {
	c := run(t, Options{})
	var guarded atomic.Bool
	guarded.Store(true)
	var asked atomic.Int32
	c.SetGuard(func(controller string) bool {
		if controller == "guarded" {
			asked.Add(1)
		}
		return controller == "guarded" && guarded.Load()
	})
	queue := func(name string) *Queue {
		return c.ControllerOptions(1, 0, Hang{}).NewQueue(name, &backoff{failures: map[request]int{}}).(*Queue)
	}
	q, free := queue("guarded"), queue("free")
	got := make(chan time.Duration)
	go func() {
		k, _ := q.Get()
		at := c.Elapsed()
		q.Done(k)
		got <- at
	}()
	free.Add(key("a"))
	k, _ := free.Get()
	free.Done(k)
	c.After("the end of the guard", 10*time.Minute+time.Second, func() { guarded.Store(false) })
	q.Add(key("a"))
	if at, want := await(t, c, "the reconcile", got), 10*time.Minute+30*time.Second; at != want {
		t.Errorf("reconciled at %s, want %s", at, want)
	}
	if n := asked.Load(); n != 22 {
		t.Errorf("the guard was asked %d times, want 22: at once and every 30 s", n)
	}
	q.ShutDown()
	free.ShutDown()
	if h := c.Holders(); len(h) != 0 {
		t.Errorf("holders after the end: got %v, want none", h)
	}
}

func TestAReconcileThatHungKeepsItsObjectWaiting(t *testing.T) {
	c := run(t, Options{})
	q := c.ControllerOptions(1, 0, Hang{After: time.Millisecond, Factor: 1000}).NewQueue("q", &backoff{failures: map[request]int{}}).(*Queue)
	q.Add(key("a"))
	k, _ := q.Get()
	from := Real()
	for Real()-from < 3*time.Millisecond { // work that takes real time
	}
	q.Add(k) // while it runs
	q.Done(k)
	q.Add(k) // and afterwards
	q.Get()
	if got := c.Elapsed(); got < 3*time.Second {
		t.Errorf("reconciled again after %s, want the 3ms times 1000 at least", got)
	}
	q.Done(k)
	q.ShutDown()
}

// A twin that begins is at its busiest, and its clock stands: what is slow then has not hung.
func TestAReconcileBeforeTheClockGoesHasNotHung(t *testing.T) {
	c := run(t, Options{Pace: Hold})
	q := c.ControllerOptions(1, 0, Hang{After: time.Nanosecond, Factor: 1e12}).NewQueue("q", &backoff{failures: map[request]int{}}).(*Queue)
	q.Add(key("a"))
	k, _ := q.Get()
	q.Done(k)
	c.SetPace(Free)
	q.Add(k)
	if q.Get(); c.Elapsed() != 0 {
		t.Errorf("reconciled again at %s: it was taken for hung", c.Elapsed())
	}
	q.Done(k)
	q.ShutDown()
}

func TestTimersNeverFireEarlyNorOutOfOrder(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		delays := rapid.SliceOfN(rapid.IntRange(0, 10_000), 1, 30).Draw(r, "delays")
		c := New(Options{Start: epoch, Quiet: time.Nanosecond, Pace: Hold})
		ctx, cancel := context.WithCancel(context.Background())
		stopped := make(chan struct{})
		go func() { defer close(stopped); c.Run(ctx) }()
		defer func() { cancel(); <-stopped }()
		at := make(chan time.Duration, len(delays))
		for _, d := range delays {
			c.After("timer", time.Duration(d)*time.Second, func() { at <- c.Elapsed() })
		}
		c.SetPace(Free)
		var got []int
		for range delays {
			got = append(got, int((<-at).Seconds()))
		}
		want := slices.Clone(delays)
		slices.Sort(want)
		slices.Sort(got) // timers of one instant run side by side
		if !slices.Equal(got, want) {
			r.Fatalf("fired at %v, want %v", got, want)
		}
	})
}

func TestNowComesBackWhenTheClockEnds(t *testing.T) {
	if !VirtualNow {
		t.Skip("time.Now of this build does not move")
	}
	before := time.Now()
	c := New(Options{Quiet: time.Millisecond})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); c.Run(ctx) }()
	done := make(chan time.Time)
	c.After("a day", 24*time.Hour, func() { go func() { done <- time.Now() }() })
	if got := await(t, c, "a day", done).Sub(before); got < 23*time.Hour {
		t.Errorf("time.Now after a day of site time: %s later, want a day", got)
	}
	cancel()
	<-ended
	if got := time.Since(before); got > time.Hour {
		t.Errorf("time.Now after the clock has ended: %s later, want the machine's time", got)
	}
}

func TestAClockGoesOnWhereAnotherOneStood(t *testing.T) {
	later := time.Now().Add(time.Hour).Round(0)
	c := New(Options{Pace: Hold, Resume: later})
	if !c.Now().Equal(later) || c.Elapsed() != 0 {
		t.Errorf("site time: got %s after %s, want %s at once", c.Now(), c.Elapsed(), later)
	}
	if got := time.Now(); VirtualNow && got.Before(later) {
		t.Errorf("time.Now: got %s, want no less than %s", got, later)
	}
	if got := c.Latest(); got.Before(later) {
		t.Errorf("latest: got %s, want no less than %s", got, later)
	}
	if got := c.Wall(); !got.Before(later) {
		t.Errorf("wall: got %s, want the machine's", got)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	c.Run(ended)
	if got := time.Now(); !got.Before(later) {
		t.Errorf("time.Now after the clock has ended: got %s, want the machine's", got)
	}
	if c := New(Options{Resume: epoch}); !c.Now().After(epoch) {
		t.Errorf("a clock that stood long ago: got %s, want now", c.Now())
	}
}

func TestOnlyOneControllerWorksUntilAllMay(t *testing.T) {
	c := run(t, Options{Pace: Hold})
	queue := func(name string) *Queue {
		o := c.ControllerOptions(1, time.Second, Hang{})
		return o.NewQueue(name, o.RateLimiter).(*Queue)
	}
	first, other := queue("first"), queue("other")
	t.Cleanup(first.ShutDown)
	t.Cleanup(other.ShutDown)
	all := c.Only("first")
	key := request{NamespacedName: types.NamespacedName{Name: "x"}}
	other.Add(key)
	first.Add(key)
	got := make(chan string, 2)
	for _, q := range []*Queue{first, other} {
		go func() {
			if _, stopped := q.Get(); !stopped {
				got <- q.name
			}
		}()
	}
	if name := await(t, c, "the first controller", got); name != "first" {
		t.Errorf("got work of %q, want of the one that may", name)
	}
	first.Done(key)
	if h := c.Holders(); !slices.Equal(h, []string{"other (1)"}) {
		t.Errorf("held by %v, want what waits to count", h)
	}
	select {
	case name := <-got:
		t.Errorf("got work of %q before all may", name)
	default:
	}
	all()
	if name := await(t, c, "the other controller", got); name != "other" {
		t.Errorf("got work of %q, want of the other", name)
	}
}
