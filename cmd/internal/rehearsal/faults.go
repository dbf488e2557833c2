package rehearsal

import (
	"context"
	"maps"

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
