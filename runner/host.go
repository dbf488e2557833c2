package runner

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/dsl/diag"
	"github.com/rehearse-dev/rehearse/runner/journal"
	"github.com/rehearse-dev/rehearse/runner/kube"
)

// host conducts a runbook: it implements dsl.Host. The runbook calls it from one goroutine.
type host struct {
	run     *run
	clock   Clock
	journal *journal.Writer
	busy    func()          // gives the Busy token back; nil while it is given back
	ids     map[string]bool // of the steps so far
	replay  replay
	broken  error      // our own machinery, not the runbook
	steps   []dsl.Step // that were begun, for their undo
	turned  bool       // the run turned back where it was asked to
	back    *rolling   // nil: the run goes forward

	clusters map[string]*kube.Client
	vcenter  *vcenter // nil: not asked yet

	mu     sync.Mutex // guards what follows, which other goroutines touch
	warned map[string]bool
	waker  func() // ends the sleep of the current wait; nil while none sleeps
	woken  bool   // something moved since the last poll
}

func newHost(r *run) *host {
	return &host{run: r, clock: r.Site.Clock(), journal: r.Journal, ids: map[string]bool{}, replay: replayOf(r.Previous),
		clusters: map[string]*kube.Client{}, warned: map[string]bool{}}
}

func (h *host) hold() {
	if h.busy == nil {
		h.busy = h.clock.Busy("runbook")
	}
}

func (h *host) release() {
	if h.busy != nil {
		h.busy()
		h.busy = nil
	}
}

// sleep lets d of site time pass.
func (h *host) sleep(ctx context.Context, d time.Duration) error {
	h.release()
	defer h.hold()
	return h.clock.Sleep(ctx, d)
}

// clear ends the connections that have to be ended.
func (h *host) clear() {
	if h.vcenter != nil {
		h.vcenter.close()
	}
}

// Note implements dsl.Host.
func (h *host) Note(_ context.Context, text string) { h.append(journal.Note{Text: text}) }

// append writes an event. A journal that cannot be written ends the run at the next step.
func (h *host) append(b journal.Body) {
	if err := h.journal.Append(b); err != nil && h.broken == nil {
		h.broken = err
	}
}

// warn writes a warning once.
func (h *host) warn(text string) {
	h.mu.Lock()
	said := h.warned[text]
	h.warned[text] = true
	h.mu.Unlock()
	if !said {
		_ = h.journal.Append(journal.Warning{Text: text}) // as for append; warnings come from other goroutines too
	}
}

// wrote tells whether the site may be different because of this run, or of the one that it resumes.
func (h *host) wrote() bool {
	return h.replay.wrote || h.changed() > 0
}

// begin starts a step. What a previous run recorded of it comes back as recorded, and the step has ended then.
func (h *host) begin(ctx context.Context, s journal.StepStarted) (recorded *journal.StepEnded, err error) {
	if h.broken == nil {
		h.broken = broken(ctx)
	}
	if h.broken != nil {
		return nil, h.broken
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if h.ids[s.ID] {
		return nil, fmt.Errorf("%s %q: got an id that another step has, want one of its own", s.Kind, s.ID)
	}
	h.ids[s.ID] = true
	recorded, cut, err := h.replay.next(s)
	if err != nil {
		return nil, err
	}
	if h.run.BeforeStep != nil {
		if err := h.run.BeforeStep(ctx, s.ID, func(d time.Duration) error { return h.sleep(ctx, d) }); err != nil {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			return nil, err
		}
	}
	h.append(s)
	for _, key := range cut {
		h.warn(fmt.Sprintf("write %s of the run that is resumed has no outcome: the step is done again", key))
	}
	if recorded != nil {
		h.append(*recorded)
		h.journal.Drain()
		h.wayBack(ctx, s.ID)
	}
	h.journal.Drain() // faults that wait for this step have fired by now
	if recorded != nil && h.broken == nil {
		return recorded, h.turn(s.ID)
	}
	return recorded, h.broken
}

// end ends a step that began at the site time since, and returns the error for the runbook.
func (h *host) end(ctx context.Context, e journal.StepEnded, since time.Time, err error) error {
	e.SiteSeconds = journal.Seconds(h.clock.Now().Sub(since))
	h.run.mu.Lock()
	if s := h.run.fold.Current(); s != nil {
		for _, w := range s.Writes {
			if w.MayHaveChanged() {
				e.Writes++
			}
		}
	}
	h.run.mu.Unlock()
	if err != nil {
		h.explain(ctx, &e, err)
	}
	h.append(e)
	h.journal.Drain()
	h.wayBack(ctx, e.ID)
	if err == nil && h.broken != nil {
		return h.broken
	}
	if err == nil {
		return h.turn(e.ID)
	}
	return err
}

// no is what a runbook says when it stops itself: a refusal, a broken or endless wait, a gate that stays shut.
type no struct {
	code, message string
	expired       bool // of a wait: the time was up
}

func (n *no) Error() string { return n.message }

// explain fills in how and why a step did not end well.
func (h *host) explain(ctx context.Context, e *journal.StepEnded, err error) {
	e.Outcome, e.Message, e.Value = journal.Failed, err.Error(), nil
	var d *diag.Diagnostic
	if errors.As(err, &d) {
		e.Code, e.Message, e.Doc, e.Trace = d.Code, d.Message, d.Doc, diag.Text(err)
		e.Fix = strings.Join(d.Hints, "\n")
	}
	var refusal *dsl.Refusal
	var n *no
	switch {
	case h.broken != nil:
		e.Code = "internal-error"
	case ctx.Err() != nil:
		e.Code, e.Message = "stopped", "stopped: "+context.Cause(ctx).Error()
		if !stopping(ctx) {
			e.Code = "internal-error"
		}
	case errors.As(err, &refusal):
		e.Code, e.Message, e.Fix, e.Doc = refusal.Code, refusal.Message, refusal.Fix, refusal.Doc
		e.Outcome = h.refused()
	case errors.As(err, &n):
		e.Code, e.Message, e.Expired = n.code, n.message, n.expired
		e.Outcome = h.refused()
	}
}

// refused is the outcome of a safe stop: blocked when the run, or the rollback that goes on, has written nothing yet.
func (h *host) refused() journal.Outcome {
	if h.back == nil && h.wrote() || h.back != nil && h.changed() > h.back.changed {
		return journal.Failed
	}
	return journal.Blocked
}

// why is the one line that says why the runbook did not reach its end, and whether it stopped before any write.
func (h *host) why(err error) (message string, blocked bool) {
	h.run.mu.Lock()
	defer h.run.mu.Unlock()
	if n := len(h.run.fold.Steps); n > 0 {
		s := h.run.fold.Steps[n-1]
		if s.End != nil && (s.End.Outcome == journal.Failed || s.End.Outcome == journal.Blocked) {
			return s.ID + ": " + firstLine(s.End.Message), s.End.Outcome == journal.Blocked
		}
	}
	var refusal *dsl.Refusal
	if errors.As(err, &refusal) { // of run itself, between the steps
		return firstLine(refusal.Message), !h.replay.wrote && h.run.fold.Changed() == 0
	}
	return firstLine(err.Error()), false
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}
