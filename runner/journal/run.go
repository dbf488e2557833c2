package journal

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Run is what a journal adds up to, up to its last event. It is also what a resume takes up again. Make one with
// NewRun; everything it holds is in the order of the journal.
type Run struct {
	Path    string // of the file, "" when it was read from elsewhere
	Torn    bool   // the last line was cut off by a crash
	Events  int
	Started RunStarted
	Begin   Event // its run.started
	Last    Event
	Ended   *RunEnded // nil while the run goes on, or when it was cut off

	Steps      []*Step
	Writes     []*Write
	Faults     []*Fault
	Invariants []*Invariant
	Notes      []Said
	Warnings   []Said
	Clock      *Clock
	Rollback   *Rollback // nil: there was none

	Pools     []*PoolLife
	Endpoints []*EndpointLife

	machines map[string]*MachineLife
}

// Step is one step, wait, gate or manual step.
type Step struct {
	StepStarted
	Seq          int64      // of the event that began it
	Begin        float64    // site seconds
	End          *StepEnded // nil: it runs, or the run was cut off in it
	Pending      string     // the last pending text
	PendingSince float64    // site seconds at which it appeared
	Waited       []Said     // every pending text
	Stuck        *WaitStuck // the last time that it was
	StuckAt      float64    // site seconds of that
	Writes       []*Write
	Back         *Reversibility // nil: nobody said
	WallSeconds  float64        // that it took; 0 until its end

	wall time.Time // of its beginning
}

// Rollback is the undoing of a run's steps.
type Rollback struct {
	RollbackStarted
	At     float64        // site seconds
	Before int            // how many of the run's Steps came before it
	End    *RollbackEnded // nil: it goes on, or was cut off
}

// Write is one write to the site.
type Write struct {
	WriteIntent
	At          float64
	Outcome     *WriteOutcome // nil: the run was cut off before the reply
	WallSeconds float64       // until the reply; 0 until there is one

	wall time.Time // of its beginning
}

// MayHaveChanged tells whether the site may be different because of it.
func (w *Write) MayHaveChanged() bool {
	return w.Outcome == nil || w.Outcome.Changed || w.Outcome.Unknown
}

// Fault is one fault that was asked for.
type Fault struct {
	FaultArmed
	Fired  *FaultFired // the first time; nil: never
	Seq    int64       // of the event of that
	At     float64     // site seconds of that
	Times  int
	Felt   []Said   // every time, with its target
	Healed *float64 // site seconds; nil: not healed
}

// Invariant is one claim.
type Invariant struct {
	ID       string
	Violated *InvariantViolated
	At       float64 // site seconds of the violation
	Judged   *InvariantJudged
}

// Said is a note or a warning.
type Said struct {
	At   float64
	Text string
}

// MachineLife is a machine and what the run saw of it.
type MachineLife struct {
	Machine
	First, Since float64 // site seconds: first seen; in this phase since
	Old          bool    // it was there before the first step
	History      []Seen  // everything that it was, from the first to the last
}

// Seen is a machine as it was from a moment on, until it was seen again.
type Seen struct {
	At float64 // site seconds
	Machine
}

// NewRun is a run without events.
func NewRun() *Run { return &Run{machines: map[string]*MachineLife{}} }

// Machines is every machine that the run saw, the deleted ones too, by cluster, role (control plane first) and age.
func (r *Run) Machines() []*MachineLife {
	l := slices.Collect(maps.Values(r.machines))
	slices.SortFunc(l, func(a, b *MachineLife) int { return compareMachines(a, b) })
	return l
}

// Current is the step that runs, nil when none does.
func (r *Run) Current() *Step {
	if n := len(r.Steps); n > 0 && r.Steps[n-1].End == nil {
		return r.Steps[n-1]
	}
	return nil
}

// Changed counts the writes that changed something, or may have.
func (r *Run) Changed() int {
	n := 0
	for _, w := range r.Writes {
		if w.MayHaveChanged() {
			n++
		}
	}
	return n
}

// WallSeconds is the wall time between the first event and the last.
func (r *Run) WallSeconds() float64 { return Seconds(r.Last.Wall.Sub(r.Begin.Wall)) }

// Apply adds one event. Kinds that this version does not know change nothing.
func (r *Run) Apply(e Event) error {
	b, err := e.Decode()
	if err != nil {
		return err
	}
	if r.Events == 0 {
		s, ok := b.(*RunStarted)
		if !ok {
			return fmt.Errorf("got %s, want %s as the first event", e.Kind, KindRunStarted)
		}
		if s.SchemaVersion != SchemaVersion {
			return fmt.Errorf("got schema version %d, want %d", s.SchemaVersion, SchemaVersion)
		}
		r.Started, r.Begin = *s, e
	}
	if r.Ended != nil {
		return fmt.Errorf("got %s after %s", e.Kind, KindRunEnded)
	}
	r.Events++
	r.Last = e
	return r.fold(e, b)
}

func (r *Run) fold(e Event, b Body) error {
	switch b := b.(type) {
	case *RunEnded:
		r.Ended = b
	case *StepStarted:
		r.Steps = append(r.Steps, &Step{StepStarted: *b, Seq: e.Seq, Begin: e.At, wall: e.Wall})
	case *StepEnded:
		s := r.Current()
		if s == nil || s.ID != b.ID {
			return fmt.Errorf("step %q ends, but it does not run", b.ID)
		}
		s.End, s.WallSeconds = b, Seconds(e.Wall.Sub(s.wall))
	case *WaitPending:
		if s := r.Current(); s != nil && s.ID == b.ID {
			s.Pending, s.PendingSince = b.Text, e.At
			s.Waited = append(s.Waited, Said{e.At, b.Text})
		}
	case *WaitStuck:
		if s := r.Current(); s != nil && s.ID == b.ID {
			s.Stuck, s.StuckAt = b, e.At
		}
	case *WriteIntent:
		w := &Write{WriteIntent: *b, At: e.At, wall: e.Wall}
		r.Writes = append(r.Writes, w)
		if s := r.Current(); s != nil {
			s.Writes = append(s.Writes, w)
		}
	case *WriteOutcome:
		w := r.write(b.Key)
		if w == nil || w.Outcome != nil {
			return fmt.Errorf("outcome of write %q, but no such write is open", b.Key)
		}
		w.Outcome, w.WallSeconds = b, Seconds(e.Wall.Sub(w.wall))
	case *RollbackStarted:
		r.Rollback = &Rollback{RollbackStarted: *b, At: e.At, Before: len(r.Steps)}
	case *RollbackEnded:
		if r.Rollback == nil {
			return fmt.Errorf("got %s, but no rollback has started", e.Kind)
		}
		r.Rollback.End = b
	case *Reversibility:
		if s := r.step(b.Step); s != nil {
			s.Back = b
		}
	case *Note:
		r.Notes = append(r.Notes, Said{e.At, b.Text})
	case *Warning:
		r.Warnings = append(r.Warnings, Said{e.At, b.Text})
	case *Machine:
		r.machine(e.At, *b)
	case *Pool:
		r.pool(e.At, *b)
	case *Endpoint:
		r.endpoint(e.At, *b)
	case *Clock:
		r.Clock = b
	default:
		r.judge(e, b)
	}
	return nil
}

// judge folds faults and invariants.
func (r *Run) judge(e Event, b Body) {
	at := e.At
	switch b := b.(type) {
	case *FaultArmed:
		r.Faults = append(r.Faults, &Fault{FaultArmed: *b})
	case *FaultFired:
		f := r.fault(b.ID)
		f.Times++
		f.Felt = append(f.Felt, Said{at, b.Target})
		if f.Fired == nil {
			f.Fired, f.Seq, f.At = b, e.Seq, at
		}
	case *FaultHealed:
		r.fault(b.ID).Healed = &at
	case *InvariantViolated:
		if i := r.invariant(b.ID); i.Violated == nil {
			i.Violated, i.At = b, cmp.Or(b.Since, at)
		}
	case *InvariantJudged:
		r.invariant(b.ID).Judged = b
	}
}

func (r *Run) step(id string) *Step {
	for _, s := range slices.Backward(r.Steps) {
		if s.ID == id {
			return s
		}
	}
	return nil
}

func (r *Run) write(key string) *Write {
	for _, w := range slices.Backward(r.Writes) {
		if w.Key == key {
			return w
		}
	}
	return nil
}

func (r *Run) fault(id string) *Fault {
	for _, f := range r.Faults {
		if f.ID == id {
			return f
		}
	}
	f := &Fault{FaultArmed: FaultArmed{ID: id}}
	r.Faults = append(r.Faults, f)
	return f
}

func (r *Run) invariant(id string) *Invariant {
	for _, i := range r.Invariants {
		if i.ID == id {
			return i
		}
	}
	i := &Invariant{ID: id}
	r.Invariants = append(r.Invariants, i)
	return i
}
