package clock

import (
	"container/heap"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rehearse-dev/rehearse/fakes/fakekit"
)

// Pace is how fast site time passes when the twin has nothing to do.
type Pace float64

const (
	Free Pace = 0  // jump to the next timer at once
	Hold Pace = -1 // stand still
)

// Options of a Clock. The zero value works.
type Options struct {
	Start time.Time // site time at the beginning; zero: the wall clock's now
	// Resume is the site time that a clock which goes on where another one stood must not fall behind. It begins there
	// if the wall clock has not come so far yet, and time.Now with it; Run undoes that when it ends.
	Resume time.Time
	Quiet  time.Duration // real time without any activity before the clock may jump; 0: 10ms
	Pace   Pace          // site seconds per wall second, or Free or Hold
	// MaxWait is the real time after which a write that never came back through its watch is given up; 0: 10s,
	// since a machine that runs several twins may not get to a process for seconds.
	// Each one counts as late, because the jump may have been too early.
	MaxWait time.Duration
}

// Clock is site time. Make one with New and drive it with Run. All methods may be called from any goroutine.
type Clock struct {
	o     Options
	real0 time.Duration
	wall0 time.Time     // the wall clock at New; Wall adds unmoved time to it
	moved time.Duration // how far Run has moved time.Now

	mu     sync.Mutex
	now    time.Time
	pace   Pace
	seq    uint64
	heap   timers
	busy   int                      // ready queue items + running reconciles + Busy tokens
	what   map[string]int           // who they are
	since  map[string]time.Duration // Real() when each began to hold the clock
	held   map[string]time.Duration // how long each has held it
	queues []*Queue
	guard  func(controller string) bool // nil: nothing is skipped
	only   string                       // the one controller that may work, "": all
	parked map[string]int               // reconciles that wait for an answer, with how many of their requests
	stats  Stats
	late   []string // what was given up

	last    atomic.Int64 // Real() of the last activity
	barrier *Barrier
}

var _ fakekit.Clock = &Clock{}

// Stats is what a clock did so far.
type Stats struct {
	Jumps     int
	QuietWall time.Duration // real time spent in quiet windows before jumps
	Late      int           // writes seen after a jump that should have waited for them, or never; waits given up
	MaxLate   time.Duration // site time, of the worst
	Writes    int           // that the barrier waited for
	MaxLag    time.Duration // real time from a write's reply to its watch event, of the worst
}

// New returns a Clock that stands at o.Start until Run is called.
func New(o Options) *Clock {
	errorsTakeNoTime()
	wall := time.Now()
	if o.Start.IsZero() {
		o.Start = wall
	}
	if o.Quiet == 0 {
		o.Quiet = 10 * time.Millisecond
	}
	if o.MaxWait == 0 {
		o.MaxWait = 10 * time.Second
	}
	c := &Clock{o: o, real0: Real(), wall0: wall.Round(0), now: o.Start.Round(0), pace: o.Pace, what: map[string]int{}, since: map[string]time.Duration{}, held: map[string]time.Duration{}, parked: map[string]int{}}
	c.barrier = &Barrier{c: c, pending: map[objectKey]write{}, held: map[objectKey]heldBack{}, views: map[string][]*view{}}
	if o.Resume.After(c.now) {
		c.move(o.Resume.Sub(c.now))
		c.now, c.o.Start = o.Resume.Round(0), o.Resume.Round(0)
	}
	c.Touch()
	return c
}

// Now is the site time.
func (c *Clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

// Elapsed is the site time since the beginning.
func (c *Clock) Elapsed() time.Duration { return c.Now().Sub(c.o.Start) }

// Wall is the machine's wall clock, unmoved by jumps.
func (c *Clock) Wall() time.Time { return c.wall0.Add(Real() - c.real0) }

// Latest is the later of site time and time.Now, which goes on while site time stands: nothing that has been written is
// from after it.
func (c *Clock) Latest() time.Time {
	if now := time.Now().Round(0); now.After(c.Now()) {
		return now
	}
	return c.Now()
}

// Barrier is the write-to-watch barrier of this clock.
func (c *Clock) Barrier() *Barrier { return c.barrier }

// Stats returns a copy.
func (c *Clock) Stats() Stats { c.mu.Lock(); defer c.mu.Unlock(); return c.stats }

// Touch records activity: the quiet window starts again.
func (c *Clock) Touch() { c.last.Store(int64(Real())) }

// Busy keeps the clock from moving until done is called.
func (c *Clock) Busy(what string) (done func()) {
	c.mu.Lock()
	c.takeLocked(what)
	c.mu.Unlock()
	var once sync.Once
	return func() {
		once.Do(func() { c.mu.Lock(); c.giveLocked(what); c.mu.Unlock() })
	}
}

func (c *Clock) takeLocked(what string) {
	c.busy++
	if c.what[what]++; c.what[what] == 1 {
		c.since[what] = Real()
	}
	c.Touch()
}

func (c *Clock) giveLocked(what string) {
	c.busy--
	if c.what[what]--; c.what[what] == 0 {
		c.held[what] += Real() - c.since[what]
	}
	c.Touch()
}

// Held is how long, in real time, each holder has kept the clock from moving so far. Holders overlap.
func (c *Clock) Held() map[string]time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.held)
}

// Go runs fn on its own goroutine, holding a Busy token.
func (c *Clock) Go(what string, fn func()) {
	done := c.Busy(what)
	go func() { defer done(); fn() }()
}

// After runs fn on its own goroutine, holding a Busy token, when d of site time has passed.
func (c *Clock) After(what string, d time.Duration, fn func()) (cancel func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.afterLocked(what, d, func() {
		c.takeLocked(what)
		go func() {
			defer func() { c.mu.Lock(); c.giveLocked(what); c.mu.Unlock() }()
			fn()
		}()
	})
	return func() { c.mu.Lock(); defer c.mu.Unlock(); c.cancelLocked(t) }
}

// Sleep blocks the caller for d of site time. The caller holds no Busy token and is in no Reconcile, else it would wait
// for itself.
func (c *Clock) Sleep(ctx context.Context, d time.Duration) error {
	woken := make(chan func(), 1)
	c.mu.Lock()
	t := c.afterLocked("sleep", d, func() {
		c.takeLocked("wake") // handed to the sleeper, so that the clock cannot run on before it is back
		woken <- func() { c.mu.Lock(); c.giveLocked("wake"); c.mu.Unlock() }
	})
	c.mu.Unlock()
	select {
	case release := <-woken:
		release()
		return nil
	case <-ctx.Done():
		c.mu.Lock()
		c.cancelLocked(t)
		c.mu.Unlock()
		select {
		case release := <-woken: // it fired meanwhile
			release()
		default:
		}
		return ctx.Err()
	}
}

func (c *Clock) afterLocked(what string, d time.Duration, fire func()) *timer {
	c.seq++
	t := &timer{at: c.now.Add(max(d, 0)), seq: c.seq, fire: fire, what: what}
	heap.Push(&c.heap, t)
	return t
}

func (c *Clock) cancelLocked(t *timer) {
	if t.idx >= 0 {
		heap.Remove(&c.heap, t.idx)
	}
}

// SetPace changes how fast site time passes from now on.
func (c *Clock) SetPace(p Pace) { c.mu.Lock(); c.pace = p; c.mu.Unlock(); c.Touch() }

// Holders says who keeps the clock from moving, sorted; empty when the twin is quiescent.
func (c *Clock) Holders() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var l []string
	for k, n := range c.what {
		if n != 0 {
			l = append(l, fmt.Sprintf("%s (%d)", k, n))
		}
	}
	slices.Sort(l)
	return l
}

// Waiting lists the next n timers, for people: "in 9.5s vspherevm/prod-a-x".
func (c *Clock) Waiting(n int) []string {
	c.mu.Lock()
	h := slices.Clone(c.heap)
	now := c.now
	c.mu.Unlock()
	slices.SortFunc(h, func(a, b *timer) int {
		if d := a.at.Compare(b.at); d != 0 {
			return d
		}
		return strings.Compare(a.what, b.what)
	})
	var l []string
	for _, t := range h[:min(n, len(h))] {
		l = append(l, fmt.Sprintf("in %s %s", t.at.Sub(now).Round(time.Millisecond), t.what))
	}
	return l
}
