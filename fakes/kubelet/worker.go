package kubelet

import (
	"sync"
	"time"

	"github.com/rehearse-dev/rehearse/fakes/fakekit"
)

// worker runs jobs by key: never two of one key at a time, and once more when a job was asked for while it ran. A job
// holds a Busy token from when it is asked for to its end.
type worker struct {
	clock fakekit.Clock
	wg    *sync.WaitGroup

	mu      sync.Mutex
	stopped bool
	jobs    map[any]*job
}

type job struct {
	running, again bool
	idle           chan struct{} // closed when it does not run any more
	cancel         func()        // the timer that asks for it next, nil: none
}

func newWorker(c fakekit.Clock, wg *sync.WaitGroup) *worker {
	return &worker{clock: c, wg: wg, jobs: map[any]*job{}}
}

// do runs fn soon. fn returns after how much site time it wants to be run again, negative: not by itself. The channel
// is closed when fn has run.
func (w *worker) do(what string, key any, fn func() time.Duration) (ran <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		never := make(chan struct{})
		close(never)
		return never
	}
	j := w.jobs[key]
	if j == nil {
		j = &job{}
		w.jobs[key] = j
	}
	if j.cancel != nil {
		j.cancel()
		j.cancel = nil
	}
	if j.running {
		j.again = true
		return j.idle
	}
	j.running, j.idle = true, make(chan struct{})
	done := w.clock.Busy(what)
	w.wg.Go(func() {
		defer done()
		w.run(what, key, j, fn)
	})
	return j.idle
}

func (w *worker) run(what string, key any, j *job, fn func() time.Duration) {
	for {
		after := fn()
		w.mu.Lock()
		switch {
		case w.stopped:
			j.running = false
		case j.again:
			j.again = false
			w.mu.Unlock()
			continue
		case after < 0:
			delete(w.jobs, key)
		default:
			j.running = false
			j.cancel = w.clock.After(what, after, func() { w.do(what, key, fn) })
		}
		close(j.idle)
		w.mu.Unlock()
		return
	}
}

// stop cancels what waits. Jobs that run end by themselves.
func (w *worker) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	for _, j := range w.jobs {
		if j.cancel != nil {
			j.cancel()
		}
	}
}
