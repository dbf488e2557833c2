package journal

import (
	"encoding/json"
	"time"
)

// Event is one line of a journal. Body is the struct of its Kind, below; readers skip kinds they do not know.
type Event struct {
	Seq  int64           `json:"seq"` // 1, 2, 3 …
	Kind Kind            `json:"kind"`
	At   float64         `json:"at"`   // site seconds since the run began
	Site time.Time       `json:"site"` // site time
	Wall time.Time       `json:"wall"`
	Body json.RawMessage `json:"body,omitempty"`
	Prev string          `json:"prev"` // hash of the line before, "" for the first
}

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
	KindMachine           Kind = "machine" // a machine of the site changed
	KindFaultArmed        Kind = "fault.armed"
	KindFaultFired        Kind = "fault.fired"
	KindFaultHealed       Kind = "fault.healed"
	KindInvariantViolated Kind = "invariant.violated" // the first moment of it
	KindInvariantJudged   Kind = "invariant.judged"   // once per invariant, at the end
	KindClock             Kind = "clock"              // a twin's clock, at the end
)

// RunStarted is the first event. It holds what a resume needs to load the same things again.
type RunStarted struct {
	SchemaVersion int               `json:"schemaVersion"` // 1
	RunID         string            `json:"runID"`
	Version       string            `json:"version"` // of rehearse
	Runbook       File              `json:"runbook"`
	World         *File             `json:"world,omitempty"`  // nil on a live site
	Params        map[string]string `json:"params"`           // as given
	Faults        []string          `json:"faults,omitempty"` // as given
	Seed          uint64            `json:"seed"`
	Invariants    []string          `json:"invariants"`
	Command       []string          `json:"command"`                // repeats the run
	WallTimeOnly  []string          `json:"wallTimeOnly,omitempty"` // behaviours that follow wall time in this build
}

// File is a file that the run was started from.
type File struct {
	Name   string            `json:"name"`
	Path   string            `json:"path"`
	SHA256 map[string]string `json:"sha256"` // of the file and of everything it loads, by path
}

// Verdict is how a run ended. Fail is the site's or the runbook's, Error is our own machinery's; they are never mixed.
type Verdict string

const (
	Pass  Verdict = "pass"
	Fail  Verdict = "fail"
	Error Verdict = "error"
	Skip  Verdict = "skip"
)

// RunEnded is the last event.
type RunEnded struct {
	Verdict     Verdict `json:"verdict"`
	ExitCode    int     `json:"exitCode"`
	Message     string  `json:"message,omitempty"`
	SiteSeconds float64 `json:"siteSeconds"`
	WallSeconds float64 `json:"wallSeconds"`
	Writes      int     `json:"writes"` // that changed something
}

// StepKind is one of the four things that a runbook does.
type StepKind string

const (
	StepKindStep   StepKind = "step"
	StepKindWait   StepKind = "wait"
	StepKindGate   StepKind = "gate"
	StepKindManual StepKind = "manual"
)

// Outcome is how a step ended.
type Outcome string

const (
	Done    Outcome = "done"
	Noop    Outcome = "noop"    // it was already so
	Blocked Outcome = "blocked" // a safe stop, nothing written by the run so far
	Failed  Outcome = "failed"
)

// StepStarted begins a step; steps do not nest.
type StepStarted struct {
	ID      string   `json:"id"`
	Kind    StepKind `json:"kind"`
	Doc     string   `json:"doc,omitempty"`
	Risk    string   `json:"risk,omitempty"`
	Undo    string   `json:"undo,omitempty"`    // keep, run, or the reason why there is none
	Text    string   `json:"text,omitempty"`    // question of a gate, instructions of a manual step
	Timeout float64  `json:"timeout,omitempty"` // site seconds
	Pos     string   `json:"pos"`               // file:line:col
}

// StepEnded ends it. Value is what the script gets, in the encoding of dsl/value, so that a resume can return it.
type StepEnded struct {
	ID          string          `json:"id"`
	Kind        StepKind        `json:"kind"`
	Outcome     Outcome         `json:"outcome"`
	Code        string          `json:"code,omitempty"`
	Message     string          `json:"message,omitempty"`
	Fix         string          `json:"fix,omitempty"`
	Doc         string          `json:"doc,omitempty"`   // of the refusal
	Trace       string          `json:"trace,omitempty"` // script excerpt with caret and backtrace
	SiteSeconds float64         `json:"siteSeconds"`
	Writes      int             `json:"writes"`
	Value       json.RawMessage `json:"value,omitempty"`
}

// WaitPending says what a wait is waiting for.
type WaitPending struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

// WaitStuck says that a wait has seen no change for longer than its stuck_after.
type WaitStuck struct {
	ID    string  `json:"id"`
	Text  string  `json:"text"`
	Since float64 `json:"since"` // site seconds without a change
}

// WriteIntent is written and synced before the request is sent. Key is unique in the run: "<step id>/<ordinal>".
type WriteIntent struct {
	Key     string          `json:"key"`
	Verb    string          `json:"verb"`    // create, apply, patch, delete
	Cluster string          `json:"cluster"` // "" is the management cluster
	Object  ObjectRef       `json:"object"`
	Patch   json.RawMessage `json:"patch,omitempty"`  // or the object; data of Secrets is left out
	Before  string          `json:"before,omitempty"` // resourceVersion seen before, "" when absent
}

// WriteOutcome is written and synced after the reply.
type WriteOutcome struct {
	Key     string `json:"key"`
	OK      bool   `json:"ok"`
	Changed bool   `json:"changed"`         // false: the object was already so
	After   string `json:"after,omitempty"` // resourceVersion
	Error   string `json:"error,omitempty"`
}

// ObjectRef names an object.
type ObjectRef struct {
	APIVersion string `json:"apiVersion,omitempty"`
	Kind       string `json:"kind"`
	Namespace  string `json:"namespace,omitempty"`
	Name       string `json:"name"`
}

// Note is a remark of the runbook; Warning one of ours.
type Note struct {
	Text string `json:"text"`
}

// Warning is something that the reader should know although it stops nothing.
type Warning struct {
	Text string `json:"text"`
}

// Machine is one Cluster API Machine as it is now.
type Machine struct {
	Cluster string `json:"cluster"`
	Name    string `json:"name"`
	Role    string `json:"role"` // control-plane, or the name of the MachineDeployment
	Version string `json:"version,omitempty"`
	Phase   string `json:"phase"` // Pending … Running, Deleting; Deleted when the object is gone
	Ready   bool   `json:"ready"`
	Node    string `json:"node,omitempty"`
	Message string `json:"message,omitempty"` // why it is not ready
}

// FaultArmed, FaultFired and FaultHealed are the life of a fault.
type FaultArmed struct {
	ID      string            `json:"id"`
	Args    map[string]string `json:"args,omitempty"`
	Trigger string            `json:"trigger"`
}

// FaultFired says what was hit.
type FaultFired struct {
	ID     string `json:"id"`
	Target string `json:"target"`
}

// FaultHealed says that the defect is gone.
type FaultHealed struct {
	ID     string `json:"id"`
	Target string `json:"target"`
}

// InvariantViolated is the first moment at which a claim did not hold, with its evidence.
type InvariantViolated struct {
	ID       string `json:"id"`
	Message  string `json:"message"`
	Evidence string `json:"evidence,omitempty"`
}

// InvariantJudged is the verdict on one claim over the whole run. Observations 0 makes it an Error: nothing was seen.
type InvariantJudged struct {
	ID           string  `json:"id"`
	Verdict      Verdict `json:"verdict"`
	Message      string  `json:"message,omitempty"`
	Observations int     `json:"observations"`
}

// Clock is what a twin's clock did.
type Clock struct {
	Jumps      int     `json:"jumps"`
	Late       int     `json:"late"`       // events seen after a jump that should have waited for them
	QuietWall  float64 `json:"quietWall"`  // wall seconds spent in quiet windows
	VirtualNow bool    `json:"virtualNow"` // time.Now follows the world clock in this build
}
