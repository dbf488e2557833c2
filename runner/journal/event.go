package journal

import (
	"encoding/json"
	"fmt"
	"time"
)

// Event is one line of a journal. Body is the struct of its Kind (body.go); readers skip kinds they do not know.
type Event struct {
	Seq  int64           `json:"seq"` // 1, 2, 3 …
	Kind Kind            `json:"kind"`
	At   float64         `json:"at"`   // site seconds since the run began
	Site time.Time       `json:"site"` // site time
	Wall time.Time       `json:"wall"`
	Body json.RawMessage `json:"body,omitempty"`
	Prev string          `json:"prev"` // SHA-256 of the line before, in hexadecimal; "" for the first
	// Seal is for run.ended alone, which no line comes after: SHA-256 of its own line without the seal.
	Seal string `json:"seal,omitempty"`
}

// Line is the event as its line of the journal, to the byte, newline included.
func (e Event) Line() ([]byte, error) { return encode(e) }

// Kind names what happened.
type Kind string

const (
	KindRunStarted        Kind = "run.started"
	KindRunEnded          Kind = "run.ended"
	KindStepStarted       Kind = "step.started" // steps, waits, gates and manual steps
	KindStepEnded         Kind = "step.ended"
	KindWaitPending       Kind = "wait.pending" // the text changed
	KindWaitStuck         Kind = "wait.stuck"
	KindWriteIntent       Kind = "write.intent"  // on disk before the request is sent
	KindWriteOutcome      Kind = "write.outcome" // on disk before the runbook goes on
	KindNote              Kind = "note"
	KindWarning           Kind = "warning"
	KindMachine           Kind = "machine"            // a machine of the site changed
	KindControlPlane      Kind = "control-plane"      // a KubeadmControlPlane changed
	KindMachineDeployment Kind = "machine-deployment" // a MachineDeployment changed
	KindTemplate          Kind = "template"           // a machine template came or went
	KindPool              Kind = "pool"               // a machine config pool changed
	KindEndpoint          Kind = "endpoint"           // of a workload cluster: it answers, or does not
	KindCloudProvider     Kind = "cloud-provider"     // of a workload cluster: its DaemonSet changed
	KindDisk              Kind = "disk"               // a virtual disk was attached or detached
	KindRollbackStarted   Kind = "rollback.started"
	KindRollbackEnded     Kind = "rollback.ended"
	KindReversibility     Kind = "reversibility" // after a step of a rehearsal
	KindFaultArmed        Kind = "fault.armed"
	KindFaultFired        Kind = "fault.fired"
	KindFaultHealed       Kind = "fault.healed"
	KindInvariantViolated Kind = "invariant.violated" // the first moment of it
	KindInvariantJudged   Kind = "invariant.judged"   // once per invariant, at the end
	KindClock             Kind = "clock"              // a twin's clock, at the end
)

// Body is the content of an event: one of the structs of body.go.
type Body interface{ EventKind() Kind }

// bodies makes the body of each kind. Keep sorted.
var bodies = map[Kind]func() Body{
	KindClock:             func() Body { return new(Clock) },
	KindCloudProvider:     func() Body { return new(CloudProvider) },
	KindControlPlane:      func() Body { return new(ControlPlane) },
	KindDisk:              func() Body { return new(Disk) },
	KindEndpoint:          func() Body { return new(Endpoint) },
	KindFaultArmed:        func() Body { return new(FaultArmed) },
	KindFaultFired:        func() Body { return new(FaultFired) },
	KindFaultHealed:       func() Body { return new(FaultHealed) },
	KindInvariantJudged:   func() Body { return new(InvariantJudged) },
	KindInvariantViolated: func() Body { return new(InvariantViolated) },
	KindMachine:           func() Body { return new(Machine) },
	KindMachineDeployment: func() Body { return new(MachineDeployment) },
	KindNote:              func() Body { return new(Note) },
	KindPool:              func() Body { return new(Pool) },
	KindReversibility:     func() Body { return new(Reversibility) },
	KindRollbackEnded:     func() Body { return new(RollbackEnded) },
	KindRollbackStarted:   func() Body { return new(RollbackStarted) },
	KindRunEnded:          func() Body { return new(RunEnded) },
	KindRunStarted:        func() Body { return new(RunStarted) },
	KindStepEnded:         func() Body { return new(StepEnded) },
	KindStepStarted:       func() Body { return new(StepStarted) },
	KindTemplate:          func() Body { return new(Template) },
	KindWaitPending:       func() Body { return new(WaitPending) },
	KindWaitStuck:         func() Body { return new(WaitStuck) },
	KindWarning:           func() Body { return new(Warning) },
	KindWriteIntent:       func() Body { return new(WriteIntent) },
	KindWriteOutcome:      func() Body { return new(WriteOutcome) },
}

// Decode returns a pointer to the struct of the event's kind, and nil for a kind that this version does not know.
func (e Event) Decode() (Body, error) {
	make, ok := bodies[e.Kind]
	if !ok {
		return nil, nil
	}
	b := make()
	if err := json.Unmarshal(e.Body, b); err != nil {
		return nil, fmt.Errorf("event %d: body of %s: %w", e.Seq, e.Kind, err)
	}
	return b, nil
}

func (RunStarted) EventKind() Kind        { return KindRunStarted }
func (RunEnded) EventKind() Kind          { return KindRunEnded }
func (StepStarted) EventKind() Kind       { return KindStepStarted }
func (StepEnded) EventKind() Kind         { return KindStepEnded }
func (WaitPending) EventKind() Kind       { return KindWaitPending }
func (WaitStuck) EventKind() Kind         { return KindWaitStuck }
func (WriteIntent) EventKind() Kind       { return KindWriteIntent }
func (WriteOutcome) EventKind() Kind      { return KindWriteOutcome }
func (Note) EventKind() Kind              { return KindNote }
func (Warning) EventKind() Kind           { return KindWarning }
func (Machine) EventKind() Kind           { return KindMachine }
func (ControlPlane) EventKind() Kind      { return KindControlPlane }
func (MachineDeployment) EventKind() Kind { return KindMachineDeployment }
func (Template) EventKind() Kind          { return KindTemplate }
func (CloudProvider) EventKind() Kind     { return KindCloudProvider }
func (Endpoint) EventKind() Kind          { return KindEndpoint }
func (Pool) EventKind() Kind              { return KindPool }
func (Disk) EventKind() Kind              { return KindDisk }
func (RollbackStarted) EventKind() Kind   { return KindRollbackStarted }
func (RollbackEnded) EventKind() Kind     { return KindRollbackEnded }
func (Reversibility) EventKind() Kind     { return KindReversibility }
func (FaultArmed) EventKind() Kind        { return KindFaultArmed }
func (FaultFired) EventKind() Kind        { return KindFaultFired }
func (FaultHealed) EventKind() Kind       { return KindFaultHealed }
func (InvariantViolated) EventKind() Kind { return KindInvariantViolated }
func (InvariantJudged) EventKind() Kind   { return KindInvariantJudged }
func (Clock) EventKind() Kind             { return KindClock }
