package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/runner"
	"github.com/rehearse-dev/rehearse/runner/journal"
	"github.com/rehearse-dev/rehearse/sim"
)

// operator plays the person of a rehearsal. Where the scenario says nothing, every gate is approved and every instruction
// carried out; what a manual step verifies afterwards is still verified. At a wait it acts once, when the wait is stuck.
type operator struct {
	actions map[string][]dsl.Action
	twin    *sim.Twin
	faults  *faults
	dir     string // of the run
	note    func(text string)

	mu    sync.Mutex
	acted map[string]bool
}

// Approve implements runner.Person.
func (o *operator) Approve(ctx context.Context, id, _ string) error { return o.act(ctx, id) }

// Act implements runner.Person.
func (o *operator) Act(ctx context.Context, id, _ string) error { return o.act(ctx, id) }

// hear is called for every event, one at a time.
func (o *operator) hear(e journal.Event) {
	if e.Kind != journal.KindWaitStuck || len(o.actions) == 0 {
		return
	}
	b, err := e.Decode()
	if err != nil {
		o.faults.breaks(err)
		return
	}
	_ = o.act(o.faults.ctx, b.(*journal.WaitStuck).ID) // nobody rejects a wait
}

// act does what the scenario says, once for each id. The error is why the operator does not agree.
func (o *operator) act(ctx context.Context, id string) error {
	o.mu.Lock()
	again := o.acted[id]
	o.acted[id] = true
	o.mu.Unlock()
	if again {
		return nil
	}
	for n, a := range o.actions[id] {
		var err error
		switch {
		case a.Reject != "":
			return errors.New(a.Reject)
		case a.Heal != "":
			o.note("at " + id + " the operator mends " + a.Heal)
			err = o.faults.engine.Heal(ctx, a.Heal)
		case a.Do != nil:
			o.note(fmt.Sprintf("at %s the operator acts (%s)", id, a.Pos))
			err = o.do(ctx, fmt.Sprintf("operator/%s/%d", id, n+1), a)
		}
		if err != nil {
			o.faults.breaks(fmt.Errorf("the operator at %s (%s): %w", id, a.Pos, err))
			return err
		}
	}
	return nil
}

// do calls a function of the scenario. Its writes are kept in the folder operator/ID/N, for the Nth action there.
func (o *operator) do(ctx context.Context, folder string, a dsl.Action) (err error) {
	j, err := journal.Create(filepath.Join(o.dir, filepath.FromSlash(folder)), o.twin.Clock().Now, o.twin.Clock().Wall)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	if err := j.Append(journal.RunStarted{SchemaVersion: journal.SchemaVersion, RunID: folder}); err != nil {
		return err
	}
	return runner.Hand(ctx, site{o.twin, o}, j, "operator", a.Do)
}
