package journal

import "encoding/json"

// This file is the vocabulary: the body of each kind of event.

// SchemaVersion is the version of the vocabulary that this package writes and reads.
const SchemaVersion = 1

// RunStarted is the first event. It holds what a resume needs to load the same things again.
type RunStarted struct {
	SchemaVersion int               `json:"schemaVersion"`
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
	Resumes       string            `json:"resumes,omitempty"`      // run ID of the run that this one takes up again
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
	Writes      int     `json:"writes"`              // that changed something, or may have
	Completed   bool    `json:"completed,omitempty"` // the runbook reached its end
}

// StepKind is one of the four things that a runbook does.
type StepKind string

const (
	StepKindStep   StepKind = "step"
	StepKindWait   StepKind = "wait"
	StepKindGate   StepKind = "gate"
	StepKindManual StepKind = "manual"
	StepKindUndo   StepKind = "undo" // of a step, in a rollback
)

// Outcome is how a step ended.
type Outcome string

const (
	Done    Outcome = "done"
	Noop    Outcome = "noop"    // it was already so
	Blocked Outcome = "blocked" // a safe stop, nothing written so far by the run, or of an undo by the rollback
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
	Writes      int             `json:"writes"`             // that changed something, or may have
	Expired     bool            `json:"expired,omitempty"`  // of a wait: its time was up, or it stayed stuck for too long
	Recorded    bool            `json:"recorded,omitempty"` // taken from the run that this one resumes, not done again
	Value       json.RawMessage `json:"value,omitempty"`
}

// RollbackStarted begins the undoing of the steps so far, from the last to the first unless their undos say otherwise.
// The steps of kind undo, "undo/<step id>", follow, and after each that wrote its wait, "undone/<step id>".
type RollbackStarted struct {
	Reason string `json:"reason"`
}

// RollbackEnded ends it. Blocked is a rollback that was refused before it wrote anything, Noop one that had nothing to do.
type RollbackEnded struct {
	Outcome Outcome `json:"outcome"`
	Code    string  `json:"code,omitempty"`
	Message string  `json:"message,omitempty"`
}

// Reversibility says what going back would mean once a step has ended.
type Reversibility struct {
	Step  string `json:"step"`
	Level Level  `json:"level"`
	Why   string `json:"why"`
}

// Level is how far a run can be taken back (000_d64b8bff74bf7917.txt, "Rolling Back a Failed Upgrade").
type Level string

const (
	Reversible Level = "reversible"
	DataStays  Level = "reversible, data stays" // what was written to persistent disks meanwhile is not taken back
	OneWay     Level = "one-way"
)

// WaitPending says what a wait, or the verification of a manual step, is waiting for.
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
	Patch   json.RawMessage `json:"patch,omitempty"`  // or the object; secrets are left out
	Before  string          `json:"before,omitempty"` // resourceVersion seen before, "" when absent
}

// WriteOutcome is written and synced after the reply.
type WriteOutcome struct {
	Key     string `json:"key"`
	OK      bool   `json:"ok"`
	Changed bool   `json:"changed"`           // false: the object was already so
	Unknown bool   `json:"unknown,omitempty"` // the reply was lost: it may have changed something
	After   string `json:"after,omitempty"`   // resourceVersion
	Error   string `json:"error,omitempty"`
	// Diff is what the object became, field by field, of one that was there before and still is. It compares the last
	// look before the write with the server's reply, so it has what webhooks made of it, too. Made by Diff; the status is
	// left out, and secrets are.
	Diff []Change `json:"diff,omitempty"`
}

// ObjectRef names an object.
type ObjectRef struct {
	APIVersion string `json:"apiVersion,omitempty"`
	Kind       string `json:"kind"`
	Namespace  string `json:"namespace,omitempty"`
	Name       string `json:"name"`
}

// String is "Kind namespace/name".
func (o ObjectRef) String() string {
	if o.Namespace == "" {
		return o.Kind + " " + o.Name
	}
	return o.Kind + " " + o.Namespace + "/" + o.Name
}

// Note is a remark of the runbook.
type Note struct {
	Text string `json:"text"`
}

// Warning is something that the reader should know although it stops nothing.
type Warning struct {
	Text string `json:"text"`
}

// RoleControlPlane is the Role of a control-plane machine.
const RoleControlPlane = "control-plane"

// PhaseDeleted is the Phase of a machine whose object is gone.
const PhaseDeleted = "Deleted"

// Machine is one Cluster API Machine as it is now.
type Machine struct {
	Cluster  string `json:"cluster"`
	Name     string `json:"name"`
	Role     string `json:"role"`              // control-plane, or the name of the MachineDeployment
	Version  string `json:"version,omitempty"` // wanted
	Kubelet  string `json:"kubelet,omitempty"` // the version that its node reports
	Phase    string `json:"phase"`             // Pending … Running, Deleting; Deleted when the object is gone
	Ready    bool   `json:"ready"`
	Deleting bool   `json:"deleting,omitempty"` // it has a deletion timestamp
	Node     string `json:"node,omitempty"`
	Message  string `json:"message,omitempty"` // why it is not ready
	Etcd     *Etcd  `json:"etcd,omitempty"`    // of its etcd member; nil: nothing is reported
}

// Etcd is what the conditions EtcdMemberHealthy and EtcdPodHealthy of a machine say together.
type Etcd struct {
	Healthy string `json:"healthy"` // True, False, Unknown
	Message string `json:"message,omitempty"`
}

// ControlPlane is one KubeadmControlPlane as it is now.
type ControlPlane struct {
	Cluster   string `json:"cluster"`
	Name      string `json:"name"`
	Version   string `json:"version"`
	Template  string `json:"template"` // name of the infrastructure template
	Replicas  int    `json:"replicas"` // wanted
	MaxSurge  int    `json:"maxSurge"`
	Current   int    `json:"current"`
	UpToDate  int    `json:"upToDate"`
	Available string `json:"available,omitempty"` // status of the condition Available: True, False, Unknown
	Message   string `json:"message,omitempty"`   // of that condition
	Deleted   bool   `json:"deleted,omitempty"`
}

// MachineDeployment is one MachineDeployment as it is now.
type MachineDeployment struct {
	Cluster  string `json:"cluster"`
	Name     string `json:"name"`
	Version  string `json:"version"`
	Template string `json:"template"` // name of the infrastructure template
	Replicas int    `json:"replicas"` // wanted
	Current  int    `json:"current"`
	UpToDate int    `json:"upToDate"`
	Deleted  bool   `json:"deleted,omitempty"`
}

// Template is one infrastructure template as it is now.
type Template struct {
	Cluster string `json:"cluster"` // "" when it bears no cluster's label
	Name    string `json:"name"`
	Deleted bool   `json:"deleted,omitempty"`
}

// Endpoint is whether the control-plane endpoint of a workload cluster answers.
type Endpoint struct {
	Cluster string `json:"cluster"`
	Answers bool   `json:"answers"`
	Message string `json:"message,omitempty"` // why not
}

// CloudProvider is the DaemonSet of the cloud provider of a workload cluster as it is now.
type CloudProvider struct {
	Cluster   string `json:"cluster"`
	Desired   int    `json:"desired"`
	Available int    `json:"available"`
	Missing   bool   `json:"missing,omitempty"` // there is none
}

// Pool is one machine config pool as it is now.
type Pool struct {
	Cluster  string     `json:"cluster"`
	Name     string     `json:"name"`
	Consumer string     `json:"consumer,omitempty"` // "KubeadmControlPlane prod-b-control-plane"
	Total    int        `json:"total"`              // slots that the pool has been given
	Slots    []PoolSlot `json:"slots,omitempty"`    // those whose state is known
	Deleted  bool       `json:"deleted,omitempty"`
}

// PoolSlot is one slot of a Pool.
type PoolSlot struct {
	Hostname string     `json:"hostname"`
	State    string     `json:"state"`             // Available, InUse, Released
	Machine  string     `json:"machine,omitempty"` // that uses it, or used it last
	Disks    []PoolDisk `json:"disks,omitempty"`
}

// PoolDisk is one persistent disk of a PoolSlot. Path and UUID are empty until there is such a disk.
type PoolDisk struct {
	Name string `json:"name"`
	Path string `json:"path,omitempty"` // on a datastore
	UUID string `json:"uuid,omitempty"`
}

// The states of a PoolSlot.
const (
	SlotAvailable = "Available"
	SlotInUse     = "InUse"
	SlotReleased  = "Released"
)

// Disk is one virtual disk of vCenter as it is now. Without a path, it says that vCenter does not tell: where the disks
// are is not known until it tells again.
type Disk struct {
	Path string   `json:"path,omitempty"`
	UUID string   `json:"uuid,omitempty"`
	VMs  []string `json:"vms,omitempty"` // that have it attached, by name
}

// FaultArmed begins the life of a fault. ID is unique in the run.
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
	// Since is the moment, in site seconds since the run began, when it was before this event: a time limit ran out while
	// nothing happened. 0: it came with the event.
	Since float64 `json:"since,omitempty"`
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
