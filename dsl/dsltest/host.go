// Package dsltest runs runbooks without a runner and without a cluster: a Host that keeps its journal in memory and a
// Site of plain objects. Only tests import it.
package dsltest

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/rehearse-dev/rehearse/dsl"
)

// Host conducts a runbook on a Site. The zero value needs a Site and nothing else.
type Host struct {
	Site  dsl.Site
	Polls int                        // of a wait before its time is out; 0: 50
	Tick  func(wait string)          // between two polls: the world goes on
	Meet  func(id string)            // before a step or a wait: the world as it meets it
	Deny  map[string]error           // gates that are not approved
	Known map[string]json.RawMessage // results of an earlier run, returned instead of calling the body
	// Log has one line per thing conducted: "step templates: noop", "wait rolled: done after 3 polls".
	Log     []string
	Results map[string]json.RawMessage
	Texts   map[string][]string // the pending texts of each wait, without repetitions
	Steps   []dsl.Step          // in order, for their undo
	Waits   []dsl.Wait
}

// Step calls the body once, or returns what is known of it.
func (h *Host) Step(ctx context.Context, s dsl.Step,
	body func(context.Context, dsl.Site) (dsl.Result, error)) (json.RawMessage, error) {
	h.Steps = append(h.Steps, s)
	h.meet(s.ID)
	if raw, ok := h.Known[s.ID]; ok {
		h.logf("step %s: known", s.ID)
		return h.keep(s.ID, raw), nil
	}
	r, err := body(ctx, h.Site)
	if err != nil {
		h.logf("step %s: %v", s.ID, err)
		return nil, fmt.Errorf("step %s: %w", s.ID, err)
	}
	outcome := "done"
	if r.Noop {
		outcome = "noop"
	}
	h.logf("step %s: %s", s.ID, outcome)
	return h.keep(s.ID, r.Value), nil
}

// Wait polls without any time between.
func (h *Host) Wait(ctx context.Context, w dsl.Wait,
	poll func(context.Context, dsl.Site) (dsl.Poll, error)) (json.RawMessage, error) {
	h.Waits = append(h.Waits, w)
	h.meet(w.ID)
	if raw, ok := h.Known[w.ID]; ok {
		h.logf("wait %s: known", w.ID)
		return h.keep(w.ID, raw), nil
	}
	polls := h.Polls
	if polls == 0 {
		polls = 50
	}
	var last dsl.Poll
	for n := range polls {
		p, err := poll(ctx, h.Site)
		if err != nil {
			h.logf("wait %s: %v", w.ID, err)
			return nil, err
		}
		switch p.State {
		case dsl.Done:
			h.logf("wait %s: done after %d polls", w.ID, n+1)
			return h.keep(w.ID, p.Value), nil
		case dsl.Broken:
			h.logf("wait %s: broken: %s", w.ID, p.Text)
			return nil, &Stopped{w.ID, p}
		}
		h.pending(w.ID, p.Text)
		last = p
		if h.Tick != nil {
			h.Tick(w.ID)
		}
	}
	h.logf("wait %s: timeout: %s", w.ID, last.Text)
	return nil, &Stopped{w.ID, last}
}

// Gate approves unless the gate is in Deny.
func (h *Host) Gate(_ context.Context, g dsl.Gate) error {
	h.logf("gate %s: %s", g.ID, g.Question)
	return h.Deny[g.ID]
}

// Manual takes it for done and verifies.
func (h *Host) Manual(ctx context.Context, m dsl.Manual, poll func(context.Context, dsl.Site) (dsl.Poll, error)) error {
	h.logf("manual %s: %s", m.ID, m.Instructions)
	if poll == nil {
		return nil
	}
	_, err := h.Wait(ctx, dsl.Wait{ID: m.ID}, poll)
	return err
}

// Note logs.
func (h *Host) Note(_ context.Context, text string) { h.logf("note: %s", text) }

// Stopped is a wait that was broken or whose time ran out.
type Stopped struct {
	Wait string
	Poll dsl.Poll
}

func (e *Stopped) Error() string {
	return fmt.Sprintf("wait %s: %s: %s", e.Wait, e.Poll.State, e.Poll.Text)
}

// Undo takes back what was done, in the order of a rollback, and waits after each undo as long as a wait may take.
func (h *Host) Undo(t testing.TB) {
	t.Helper()
	for _, s := range dsl.Undoing(h.Steps) {
		if s.Undo.Run == nil {
			continue
		}
		if err := s.Undo.Run(t.Context(), h.Site); err != nil {
			t.Fatalf("undo of step %s: %v", s.ID, err)
		}
		h.logf("undo %s", s.ID)
		if s.Undo.Until == nil {
			continue
		}
		w := dsl.Wait{ID: dsl.UndonePrefix + s.ID, Timeout: s.Undo.Timeout, StuckAfter: s.Undo.StuckAfter}
		if _, err := h.Wait(t.Context(), w, s.Undo.Until); err != nil {
			t.Fatalf("undo of step %s: %v", s.ID, err)
		}
	}
}

func (h *Host) meet(id string) {
	if h.Meet != nil {
		h.Meet(id)
	}
}

func (h *Host) logf(format string, args ...any) { h.Log = append(h.Log, fmt.Sprintf(format, args...)) }

func (h *Host) keep(id string, raw json.RawMessage) json.RawMessage {
	if h.Results == nil {
		h.Results = map[string]json.RawMessage{}
	}
	h.Results[id] = raw
	return raw
}

func (h *Host) pending(id, text string) {
	if h.Texts == nil {
		h.Texts = map[string][]string{}
	}
	if all := h.Texts[id]; len(all) == 0 || all[len(all)-1] != text {
		h.Texts[id] = append(all, text)
	}
}
