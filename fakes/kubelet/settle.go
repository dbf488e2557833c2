package kubelet

import (
	"sync"
	"time"

	"github.com/rehearse-dev/rehearse/fakes/fakekit"
)

// settleWindow is how long site time stands still, in real time, after anything happened to the workload. The real
// scheduler and controllers answer such news within milliseconds, but they are processes of their own and cannot hold
// a Busy token; their answer is an event again, which starts the window anew.
const settleWindow = 25 * time.Millisecond

// settleMost is how long, in real time, something that is plainly unfinished may hold up site time. After that it is
// given up, and counted as late.
const settleMost = patience

// settle holds site time for settleWindow after the last event, and longer while unfinished says so.
type settle struct {
	clock      fakekit.Clock
	unfinished func() bool

	mu      sync.Mutex
	release func() // nil: nothing is held
	last    time.Time
	since   time.Time // when unfinished began to hold, zero: it does not
	timer   *time.Timer
}

// event starts the window, anew if it is running.
func (s *settle) event() {
	s.clock.Touch()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last, s.since = time.Now(), time.Time{} // real time, as that of the processes that we wait for
	if s.release == nil {
		s.release = s.clock.Busy("workload settles")
		s.timer = time.AfterFunc(settleWindow, s.check)
	}
}

func (s *settle) check() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.release == nil {
		return
	}
	if left := settleWindow - time.Since(s.last); left > 0 {
		s.timer.Reset(left)
		return
	}
	if s.unfinished() {
		if s.since.IsZero() {
			s.since = time.Now()
		}
		if time.Since(s.since) < settleMost {
			s.timer.Reset(settleWindow)
			return
		}
		s.clock.Late("the workload to settle")
	}
	s.release()
	s.release = nil
}

func (s *settle) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.release != nil {
		s.timer.Stop()
		s.release()
		s.release = nil
	}
}
