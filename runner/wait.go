package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/runner/journal"
)

const (
	// every is the site time between two polls of a wait that does not say otherwise.
	every = 15 * time.Second
	// settle is how long a wait lets things settle after a machine has moved, before it looks again ahead of time;
	// apart is the least time between two polls. Site time is cheap on a twin, a poll is not.
	settle = 2 * time.Second
	apart  = 10 * time.Second
)

type pollFunc = func(context.Context, dsl.Site) (dsl.Poll, error)

// Wait implements dsl.Host.
func (h *host) Wait(ctx context.Context, w dsl.Wait, poll pollFunc) (json.RawMessage, error) {
	recorded, err := h.begin(ctx, journal.StepStarted{ID: w.ID, Kind: journal.StepKindWait, Doc: w.Doc,
		Risk: string(dsl.Read), Timeout: w.Timeout.Seconds(), Pos: w.Pos.String()})
	if err != nil || recorded != nil {
		return valueOf(recorded), err
	}
	since := h.clock.Now()
	p, err := h.await(ctx, w, poll)
	e := journal.StepEnded{ID: w.ID, Kind: journal.StepKindWait, Outcome: journal.Done,
		Value: journal.RedactValue(p.Value)}
	if err := h.end(ctx, e, since, err); err != nil {
		return nil, err
	}
	return e.Value, nil
}

// waiting is a wait that goes on.
type waiting struct {
	dsl.Wait
	host  *host
	since time.Time // site time at which it began

	text   string    // the last pending text
	code   string    // of the failure, should the time run out
	fresh  time.Time // site time at which it appeared
	same   int       // polls that said the same since
	polled time.Time // site time of the last poll
	stuck  bool      // said so
}

// await polls until it is done.
func (h *host) await(ctx context.Context, w dsl.Wait, poll pollFunc) (dsl.Poll, error) {
	now := h.clock.Now()
	s := &waiting{Wait: w, host: h, since: now, fresh: now}
	for {
		p, err := s.poll(ctx, poll)
		switch {
		case err != nil:
			return dsl.Poll{}, err
		case p.State == dsl.Done:
			return p, nil
		case p.State == dsl.Broken:
			return dsl.Poll{}, &no{code: orElse(p.Code, "broken"), message: p.Text}
		}
		s.code = orElse(p.Code, "timeout")
		s.pending(p.Text)
		if err := s.givenUp(); err != nil {
			return dsl.Poll{}, err
		}
		if err := s.pause(ctx); err != nil {
			return dsl.Poll{}, err
		}
	}
}

// poll asks once. A site that does not answer is something to wait for, not the end of the wait.
func (s *waiting) poll(ctx context.Context, poll pollFunc) (p dsl.Poll, err error) {
	h := s.host
	h.asleep(nil)
	a := &acting{host: h, step: s.ID, pauses: pollPauses}
	defer a.close()
	err = h.within(ctx, 0, func(ctx context.Context) (err error) {
		p, err = poll(ctx, a)
		return err
	})
	s.polled = h.clock.Now()
	var silent *Unanswered
	if errors.As(err, &silent) && ctx.Err() == nil {
		return dsl.Poll{State: dsl.Pending, Text: "the site does not answer: " + silent.Error()}, nil
	}
	if ctx.Err() != nil { // what was asked last may have been cut short
		return p, context.Cause(ctx)
	}
	return p, err
}

// pending journals the text when it is a new one, and that nothing has changed for too long.
func (s *waiting) pending(text string) {
	now := s.host.clock.Now()
	if text != s.text || s.same == 0 {
		s.text, s.fresh, s.same, s.stuck = text, now, 1, false
		s.host.append(journal.WaitPending{ID: s.ID, Text: text})
		return
	}
	s.same++
	if idle := now.Sub(s.fresh); s.StuckAfter > 0 && idle >= s.StuckAfter && !s.stuck {
		s.stuck = true
		s.host.append(journal.WaitStuck{ID: s.ID, Text: text, Since: journal.Seconds(idle)})
		s.host.journal.Drain() // an operator who waits for this has acted by now
	}
}

// givenUp ends a wait that stays stuck, where the run has no patience with it. Its code is the one that the end of its
// time would have.
func (s *waiting) givenUp() error {
	patience, idle := s.host.run.StuckFor, s.host.clock.Now().Sub(s.fresh)
	if patience == 0 || !s.stuck || idle < s.StuckAfter+patience {
		return nil
	}
	return &no{code: s.code, expired: true, message: fmt.Sprintf("stuck: no change for %s: %s", short(idle), s.text)}
}

// pause lets site time pass until the next poll, or says that there is none.
func (s *waiting) pause(ctx context.Context) error {
	h := s.host
	now := h.clock.Now()
	d := s.interval()
	if s.Timeout > 0 {
		left := s.since.Add(s.Timeout).Sub(now)
		if left <= 0 {
			return &no{code: s.code, expired: true, message: fmt.Sprintf("waited %s: %s", short(s.Timeout), s.text)}
		}
		d = min(d, left)
	}
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	awake := func() {}
	if s.Every == 0 {
		h.asleep(func() {
			cancel()
			awake()                      // of the waking before: one token is enough
			awake = h.clock.Busy("wake") // or site time could run on before the sleeper is back
		})
	}
	err := h.sleep(inner, d)
	h.asleep(nil)
	awake()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if inner.Err() == nil {
		return err
	}
	// Something moved: look ahead of time, but not at once and not too often.
	left := now.Add(d).Sub(h.clock.Now())
	return h.sleep(ctx, max(0, min(left, max(settle, s.polled.Add(apart).Sub(h.clock.Now())))))
}

// interval grows while nothing happens.
func (s *waiting) interval() time.Duration {
	switch {
	case s.Every > 0:
		return s.Every
	case s.same <= 8:
		return every
	case s.same <= 20:
		return 2 * every
	}
	return 4 * every
}

// asleep says how the current wait is woken; nil: it is awake.
func (h *host) asleep(waker func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.waker = waker
	if waker != nil && h.woken {
		waker()
	}
	if waker == nil {
		h.woken = false
	}
}

// wake is called when a machine has moved.
func (h *host) wake() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.woken = true
	if h.waker != nil {
		h.waker()
	}
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// short is a duration without the zeroes that Duration.String puts at its end.
func short(d time.Duration) string {
	s := d.Round(time.Second).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
