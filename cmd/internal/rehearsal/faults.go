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
	specs  []fault.Spec
	twin   *sim.Twin
	j      *journal.Writer
	breaks func(error)

	engine *fault.Engine   // nil until armed
	known  map[string]bool // machines that were there before, and new ones that ran
}

func newFaults(ctx context.Context, t *sim.Twin, j *journal.Writer, specs []fault.Spec, breaks func(error)) *faults {
	return &faults{ctx: ctx, specs: specs, twin: t, j: j, breaks: breaks, known: map[string]bool{}}
}

// arm is called when the machines that are there have been journaled.
func (f *faults) arm(ctx context.Context) error {
	note := func(b journal.Body) {
		if err := f.j.Append(b); err != nil {
			f.breaks(err)
		}
	}
	f.engine = fault.NewEngine(f.twin, f.twin.Clock(), f.specs, fault.Log{
		Armed: func(s fault.Spec) {
			note(journal.FaultArmed{ID: s.Fault.ID, Args: maps.Clone(s.Args), Trigger: s.When.String()})
		},
		Laid: func(s fault.Spec, waits string) {
			note(journal.Note{Text: "fault " + s.Fault.ID + " is in place and fires with " + waits})
		},
		Fired:  func(s fault.Spec, target string) { note(journal.FaultFired{ID: s.Fault.ID, Target: target}) },
		Healed: func(s fault.Spec, target string) { note(journal.FaultHealed{ID: s.Fault.ID, Target: target}) },
		Failed: func(_ fault.Spec, err error) { f.breaks(err) },
	})
	f.engine.Start(ctx)
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
		key := b.Cluster + "/" + b.Name
		switch {
		case f.engine == nil:
			f.known[key] = true
		case b.Phase == "Running" && b.Ready && !f.known[key]:
			f.known[key] = true
			f.engine.MachineRuns(f.ctx, b.Role)
		default:
			f.engine.MachineSays(fault.Machine{Cluster: b.Cluster, Name: b.Name, Role: b.Role, Message: b.Message})
		}
	}
}
