package runner

import (
	"context"
	"time"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/runner/journal"
)

// Gate implements dsl.Host. Site time stands still while the person thinks.
func (h *host) Gate(ctx context.Context, g dsl.Gate) error {
	recorded, err := h.begin(ctx, journal.StepStarted{ID: g.ID, Kind: journal.StepKindGate, Doc: g.Doc, Text: g.Question,
		Pos: g.Pos.String()})
	if err != nil || recorded != nil {
		return err
	}
	since := h.clock.Now()
	err = h.within(ctx, 0, func(ctx context.Context) error { return h.run.Site.Person().Approve(ctx, g.ID, g.Question) })
	if err != nil && h.broken == nil {
		err = &no{code: "gate-refused", message: "not approved: " + err.Error()}
	}
	return h.end(ctx, journal.StepEnded{ID: g.ID, Kind: journal.StepKindGate, Outcome: journal.Done}, since, err)
}

// patient is how long, in site time, the verification of a manual step goes on that does not say otherwise: without an
// end a rehearsal, where nobody acts, would never have one.
const patient = 24 * time.Hour

// Manual implements dsl.Host.
func (h *host) Manual(ctx context.Context, m dsl.Manual, poll pollFunc) error {
	if poll != nil && m.Timeout <= 0 {
		m.Timeout = patient
	}
	recorded, err := h.begin(ctx, journal.StepStarted{ID: m.ID, Kind: journal.StepKindManual, Doc: m.Doc,
		Text: m.Instructions, Timeout: m.Timeout.Seconds(), Pos: m.Pos.String()})
	if err != nil || recorded != nil {
		return err
	}
	since := h.clock.Now()
	err = h.within(ctx, 0, func(ctx context.Context) error { return h.run.Site.Person().Act(ctx, m.ID, m.Instructions) })
	switch {
	case err != nil && h.broken == nil:
		err = &no{code: "manual-refused", message: "not done: " + err.Error()}
	case err == nil && poll != nil:
		_, err = h.await(ctx, dsl.Wait{ID: m.ID, Timeout: m.Timeout}, poll)
	}
	return h.end(ctx, journal.StepEnded{ID: m.ID, Kind: journal.StepKindManual, Outcome: journal.Done}, since, err)
}
