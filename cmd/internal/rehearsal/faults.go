package rehearsal

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/rehearse-dev/rehearse/runner/journal"
	"github.com/rehearse-dev/rehearse/sim"
	"github.com/rehearse-dev/rehearse/sim/fault"
)

// faults follows a run by its journal and tells the engine; what the engine does goes back into the journal.
type faults struct {
	ctx    context.Context
	breaks func(error)
	engine *fault.Engine
}

func newFaults(ctx context.Context, t *sim.Twin, j *journal.Writer, specs []fault.Spec, breaks func(error)) *faults {
	note := func(b journal.Body) {
		if err := j.Append(b); err != nil {
			breaks(err)
		}
	}
	return &faults{ctx: ctx, breaks: breaks, engine: fault.NewEngine(t, t.Clock(), specs, fault.Log{
		Armed: func(s fault.Spec) {
			note(journal.FaultArmed{ID: s.ID, Args: maps.Clone(s.Args), Trigger: s.When.String()})
		},
		Laid: func(s fault.Spec, waits string) {
			note(journal.Note{Text: "fault " + s.ID + " is in place and fires with " + waits})
		},
		Fired:  func(s fault.Spec, target string) { note(journal.FaultFired{ID: s.ID, Target: target}) },
		Healed: func(s fault.Spec, target string) { note(journal.FaultHealed{ID: s.ID, Target: target}) },
		Failed: func(_ fault.Spec, err error) { breaks(err) },
	})}
}

// settled is how long a fault that is there from the start has been there when the runbook begins: the controllers look
// at everything anew every ten minutes, and a person would not begin in the very second in which something breaks.
const settled = 15 * time.Minute

// arm lets come what is there from the start. A site that is not well before is an error: nobody could tell what of it is
// the fault's.
func (f *faults) arm(ctx context.Context, healthy func(context.Context) error, sleep func(time.Duration) error) error {
	if err := healthy(ctx); err != nil {
		return fmt.Errorf("the world is not well before any fault: %w", err)
	}
	if f.engine.Start(ctx) {
		if err := sleep(settled); err != nil {
			return err
		}
	}
	f.engine.Begin(ctx)
	return nil
}

// hear is called for every event, one at a time.
func (f *faults) hear(e journal.Event) {
	b, err := e.Decode()
	if err != nil {
		f.breaks(err)
		return
	}
	switch b := b.(type) {
	case *journal.StepStarted:
		f.engine.StepStarts(f.ctx, b.ID)
	case *journal.Machine:
		f.engine.MachineSays(f.ctx, fault.Machine{Cluster: b.Cluster, Name: b.Name, Role: b.Role, Phase: b.Phase, Ready: b.Ready, Message: b.Message})
	}
}
