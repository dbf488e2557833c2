package clock

import (
	"sync"
	"time"

	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

type request = reconcile.Request

// Hang says how a controller's waiting for somebody who does not answer is told from work, and what it costs. Site time
// stands still while a controller waits, so its timeouts are shortened to save wall time, and the site time that they
// would have taken keeps the object from being reconciled again instead.
type Hang struct {
	After  time.Duration // a reconcile that takes longer in real time has hung, if the clock goes; 0: none ever does
	Factor float64       // site time for each unit of real time that it took
}

// ControllerOptions puts a controller's queue on the clock. minInterval is the least site time between two reconciles
// of one object.
//
// Cluster API's gate ReconcilerRateLimiting must be off: with it on, its builder overwrites RateLimiter and a
// wall-clock cache sends early reconciles back. What the gate gives in production is rebuilt here in site time: one
// reconcile per object and second, back-off 1s+5ms·2ⁿ up to 1000s
// (sigs.k8s.io/cluster-api@v1.13.4 util/controller/builder.go).
func (c *Clock) ControllerOptions(workers int, minInterval time.Duration, hang Hang) controller.Options {
	return controller.Options{
		MaxConcurrentReconciles: workers,
		RateLimiter:             &backoff{base: minInterval, failures: map[request]int{}},
		ReconciliationTimeout:   3 * time.Minute,
		CacheSyncTimeout:        5 * time.Minute,
		NewQueue: func(name string, rl workqueue.TypedRateLimiter[request]) workqueue.TypedRateLimitingInterface[request] {
			q := &Queue{c: c, name: name, workers: workers, rl: rl, minInterval: minInterval, hang: hang,
				items: map[request]*item{}, running: map[request]time.Duration{}, excused: map[request]bool{}, known: map[request]bool{}, started: map[request]time.Time{}}
			q.cond = sync.NewCond(&c.mu)
			c.mu.Lock()
			c.queues = append(c.queues, q)
			c.mu.Unlock()
			return q
		},
	}
}

// backoff is the per-object back-off of Cluster API's rate limiter.
type backoff struct {
	base     time.Duration
	mu       sync.Mutex
	failures map[request]int
}

func (b *backoff) When(r request) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := min(b.failures[r], 30)
	b.failures[r]++
	return min(b.base+5*time.Millisecond<<n, 1000*time.Second)
}
func (b *backoff) Forget(r request)          { b.mu.Lock(); delete(b.failures, r); b.mu.Unlock() }
func (b *backoff) NumRequeues(r request) int { b.mu.Lock(); defer b.mu.Unlock(); return b.failures[r] }

// Queue is a controller's queue whose delays are timers of the clock. A ready item and a running reconcile count as
// work. It is a priorityqueue.PriorityQueue, because controller-runtime requeues through AddWithOpts and would lose
// priorities otherwise (sigs.k8s.io/controller-runtime@v0.23.3 pkg/internal/controller/controller.go).
type Queue struct {
	c           *Clock // c.mu guards everything below
	name        string
	workers     int // that reconcile side by side
	rl          workqueue.TypedRateLimiter[request]
	minInterval time.Duration
	hang        Hang
	cond        *sync.Cond
	items       map[request]*item
	running     map[request]time.Duration // Real() at the start
	excused     map[request]bool          // of those that run: they have not hung, however long it takes
	started     map[request]time.Time     // site time of the last start
	stopped     bool
	halted      bool
	known       map[request]bool // while halted: what there is to reconcile
	stats       QueueStats
}

// QueueStats says what a controller cost.
type QueueStats struct {
	Name       string
	Reconciles int
	Wall, Max  time.Duration
}

// item is an entry that nobody works on: ready, or waiting on a timer.
type item struct {
	key      request
	priority int
	seq      uint64
	at       time.Time
	asked    time.Time // when it would be without the least interval, and without the back-off of a few failures
	timer    *timer    // nil: ready
	counted  bool      // as work: it is ready, a worker is free, and nobody reconciles its object, who would be counted
}

var _ priorityqueue.PriorityQueue[request] = &Queue{}

// AddWithOpts adds keys; of two delays for one key the earlier wins, of two priorities the higher.
func (q *Queue) AddWithOpts(o priorityqueue.AddOpts, keys ...request) {
	q.c.mu.Lock()
	defer q.c.mu.Unlock()
	for _, k := range keys {
		q.addLocked(o, k)
	}
}

func (q *Queue) addLocked(o priorityqueue.AddOpts, k request) {
	if q.stopped {
		return
	}
	q.c.Touch()
	if q.halted {
		q.known[k] = true
		return
	}
	after := o.After
	if o.RateLimited { // upstream's rule: the smaller of the two
		if d := q.rl.When(k); after == 0 || d < after {
			after = d
		}
	}
	at := q.c.now.Add(after)
	asked := at
	if o.RateLimited && q.rl.NumRequeues(k) <= fewFailures {
		asked = q.c.now
	}
	if s, ok := q.started[k]; ok && s.Add(q.minInterval).After(at) {
		at = s.Add(q.minInterval)
	}
	priority := ptr.Deref(o.Priority, 0)
	i := q.items[k]
	if i == nil {
		q.c.seq++
		i = &item{key: k, seq: q.c.seq, priority: priority, at: at, asked: asked}
		q.items[k] = i
		q.placeLocked(i)
		return
	}
	i.priority = max(i.priority, priority)
	if asked.Before(i.asked) {
		i.asked = asked
	}
	if i.timer != nil && at.Before(i.at) {
		q.c.cancelLocked(i.timer)
		i.timer, i.at = nil, at
		q.placeLocked(i)
	}
}

// placeLocked makes i ready or hangs it on a timer.
func (q *Queue) placeLocked(i *item) {
	ready := func() {
		i.timer = nil
		if _, locked := q.running[i.key]; !locked && !q.saturatedLocked() { // else it is ready when that ends
			q.countLocked(i)
		}
		q.cond.Broadcast()
	}
	if !i.at.After(q.c.now) {
		ready()
		return
	}
	i.timer = q.c.afterLocked(q.name+"/"+i.key.Name, i.at.Sub(q.c.now), func() {
		q.c.seq++
		i.seq = q.c.seq // in the order of becoming ready
		ready()
	})
}

// GetWithPriority blocks until a key is ready or the queue is shut down.
func (q *Queue) GetWithPriority() (key request, priority int, shutdown bool) {
	q.c.mu.Lock()
	defer q.c.mu.Unlock()
	for {
		if q.stopped {
			return request{}, 0, true
		}
		i := q.bestLocked()
		if q.c.only != "" && q.c.only != q.name {
			i = nil
		}
		if i != nil && q.skipLocked(i) {
			continue
		}
		if i != nil { // its count as work is handed from "ready" to "running"
			q.countLocked(i)
			delete(q.items, i.key)
			q.running[i.key] = Real()
			q.recountLocked()
			q.started[i.key] = q.c.now
			q.c.Touch()
			return i.key, i.priority, false
		}
		q.cond.Wait()
	}
}

// countLocked counts a ready item as work.
func (q *Queue) countLocked(i *item) {
	if !i.counted {
		i.counted = true
		q.c.takeLocked(q.name)
	}
}

// saturatedLocked tells whether no worker is free. Those that run hold the clock, unless all of them wait for an answer:
// then the site time of that answer has to pass before anything else can be taken up.
func (q *Queue) saturatedLocked() bool { return len(q.running) >= q.workers }

// recountLocked counts what is ready and can be taken up as work, and nothing else.
func (q *Queue) recountLocked() {
	if q.stopped {
		return
	}
	for k, i := range q.items {
		_, locked := q.running[k]
		switch {
		case i.timer != nil || locked:
		case !q.saturatedLocked():
			q.countLocked(i)
		case i.counted:
			i.counted = false
			q.c.giveLocked(q.name)
		}
	}
}

// dropLocked ends what an item holds of the clock.
func (q *Queue) dropLocked(i *item) {
	if i.timer != nil {
		q.c.cancelLocked(i.timer)
	}
	if i.counted {
		i.counted = false
		q.c.giveLocked(q.name)
	}
}

func (q *Queue) bestLocked() (best *item) {
	for k, i := range q.items {
		if _, locked := q.running[k]; i.timer != nil || locked {
			continue
		}
		if best == nil || i.priority > best.priority || i.priority == best.priority && i.seq < best.seq {
			best = i
		}
	}
	return best
}

// Done ends the work on a key.
func (q *Queue) Done(k request) {
	q.c.mu.Lock()
	defer q.c.mu.Unlock()
	if from, ok := q.running[k]; ok {
		d := Real() - from
		q.stats.Reconciles++
		q.stats.Wall += d
		q.stats.Max = max(q.stats.Max, d)
		if q.hang.After > 0 && d > q.hang.After && !q.excused[k] && q.c.pace != Hold {
			q.holdLocked(k, q.c.now.Add(time.Duration(float64(d)*q.hang.Factor)))
		}
		delete(q.running, k)
		delete(q.excused, k)
		q.recountLocked()
		q.c.giveLocked(q.name)
	}
	q.cond.Broadcast()
}

// holdLocked keeps k from being reconciled before an instant, also when it is queued already.
func (q *Queue) holdLocked(k request, until time.Time) {
	q.started[k] = until
	i := q.items[k]
	if i == nil || !i.at.Before(until) {
		return
	}
	q.dropLocked(i)
	i.timer, i.at, i.asked = nil, until, until
	q.placeLocked(i)
}

// fewFailures in a row are what writes that meet cost a controller; one that fails more often waits for something.
const fewFailures = 3

// Owed is the site time until the last reconcile begins that was asked for and is only put off, because its object was
// reconciled a moment ago or because the last one failed; 0 when there is none. Which of them are put off is chance.
func (c *Clock) Owed() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	var most time.Duration
	for _, q := range c.queues {
		for _, i := range q.items {
			if i.timer != nil && !i.asked.After(c.now) {
				most = max(most, i.at.Sub(c.now))
			}
		}
	}
	return most
}

// Only keeps all controllers but those of a name waiting until all is called: what they have to do counts as work
// meanwhile.
func (c *Clock) Only(name string) (all func()) {
	set := func(name string) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.only = name
		for _, q := range c.queues {
			q.cond.Broadcast()
		}
	}
	set(name)
	return func() { set("") }
}

// Get is GetWithPriority without the priority.
func (q *Queue) Get() (request, bool) { k, _, s := q.GetWithPriority(); return k, s }

// Add adds k now, AddAfter after d of site time, AddRateLimited after its back-off.
func (q *Queue) Add(k request) { q.AddWithOpts(priorityqueue.AddOpts{}, k) }

// AddAfter adds k after d of site time.
func (q *Queue) AddAfter(k request, d time.Duration) {
	q.AddWithOpts(priorityqueue.AddOpts{After: d}, k)
}

// AddRateLimited adds k after its back-off.
func (q *Queue) AddRateLimited(k request) {
	q.AddWithOpts(priorityqueue.AddOpts{RateLimited: true}, k)
}

// Forget resets the back-off of k.
func (q *Queue) Forget(k request) { q.rl.Forget(k) }

// NumRequeues is the number of failures of k since the last Forget.
func (q *Queue) NumRequeues(k request) int { return q.rl.NumRequeues(k) }

// Len counts the ready items.
func (q *Queue) Len() int {
	q.c.mu.Lock()
	defer q.c.mu.Unlock()
	n := 0
	for _, i := range q.items {
		if i.timer == nil {
			n++
		}
	}
	return n
}

// ShuttingDown tells whether ShutDown was called.
func (q *Queue) ShuttingDown() bool { q.c.mu.Lock(); defer q.c.mu.Unlock(); return q.stopped }

// ShutDownWithDrain is ShutDown: a twin that ends has nothing to drain.
func (q *Queue) ShutDownWithDrain() { q.ShutDown() }

// ShutDown drops all items and wakes the workers.
func (q *Queue) ShutDown() {
	q.c.mu.Lock()
	defer q.c.mu.Unlock()
	if q.stopped {
		return
	}
	q.stopped = true
	for _, i := range q.items {
		q.dropLocked(i)
	}
	q.cond.Broadcast()
}

// Resync enqueues, every d of site time, everything that was ever reconciled: the informers' own resync is a ticker on
// wall time, and some controllers need it, CAPV after a failed vCenter task for one.
func (c *Clock) Resync(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var again func()
	again = func() {
		for _, q := range c.queues {
			for k := range q.started {
				q.addLocked(priorityqueue.AddOpts{Priority: ptr.To(handler.LowPriority)}, k)
			}
		}
		c.afterLocked("resync", d, again)
	}
	c.afterLocked("resync", d, again)
}

// QueueStats returns what each controller cost so far.
func (c *Clock) QueueStats() []QueueStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	var l []QueueStats
	for _, q := range c.queues {
		s := q.stats
		s.Name = q.name
		l = append(l, s)
	}
	return l
}
