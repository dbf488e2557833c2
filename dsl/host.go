package dsl

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/rehearse-dev/rehearse/dsl/diag"
)

// Host conducts a running runbook: it is what `ctx` asks. The runner implements it, writes the journal, and may
// return recorded results instead of calling the body (resume). Results are plain data in the encoding of
// package value, so that a recorded result and a fresh one cannot be told apart.
//
// An error that a Host method returns ends the runbook; the script cannot catch it.
type Host interface {
	// Step runs body once and returns its encoded result.
	Step(ctx context.Context, s Step, body func(context.Context, Site) (Result, error)) (json.RawMessage, error)
	// Wait calls poll until it is done, broken or the timeout of site time has passed.
	Wait(ctx context.Context, w Wait, poll func(context.Context, Site) (Poll, error)) (json.RawMessage, error)
	// Gate asks a person for approval.
	Gate(ctx context.Context, g Gate) error
	// Manual asks a person to act and then verifies with poll, which may be nil.
	Manual(ctx context.Context, m Manual, poll func(context.Context, Site) (Poll, error)) error
	// Note writes a remark into the journal.
	Note(ctx context.Context, text string)
}

// Risk says what a step may do to the site.
type Risk string

const (
	Read   Risk = "read"    // a write inside it is an error
	Write  Risk = "write"   // the default; declares an undo
	OneWay Risk = "one-way" // cannot be undone; Undo.Reason says why
)

// Position is where in a script something stands; Line and Col count from 1.
type Position = diag.Position

// Step is the declaration of ctx.step(id, fn, *args, risk=, undo=, timeout=, doc=).
type Step struct {
	ID, Doc string
	Risk    Risk
	Undo    Undo
	Timeout time.Duration // of site time; 0: none
	Pos     Position
}

// Wait is the declaration of ctx.wait(id, fn, *args, timeout=, stuck_after=, every=, doc=).
type Wait struct {
	ID, Doc    string
	Timeout    time.Duration // of site time; required
	StuckAfter time.Duration // without a change of the pending text, the wait is reported as stuck; 0: never
	Every      time.Duration // of site time between two polls; 0: the runner's default
	Pos        Position
}

// Gate is ctx.gate(id, question, doc=); Manual is ctx.manual(id, instructions, verify=, timeout=, doc=).
type Gate struct {
	ID, Question, Doc string
	Pos               Position
}

// Manual is something that only a person can do.
type Manual struct {
	ID, Instructions, Doc string
	Timeout               time.Duration
	Pos                   Position
}

// Result is what a step's function returned.
type Result struct {
	Value json.RawMessage
	Noop  bool // the function said noop(value): it was already so
}

// Poll is what a wait's function returned.
type Poll struct {
	State PollState
	Text  string          // pending, broken: what people watch
	Code  string          // broken: a stable kebab-case code; pending: the code should the time run out; may be empty
	Value json.RawMessage // done
}

// PollState is the verdict of one poll.
type PollState string

const (
	Done    PollState = "done"
	Pending PollState = "pending"
	Broken  PollState = "broken"
)

// Refusal is the error of require(): a precondition does not hold. The runner makes it `blocked` when nothing has
// been written yet, else `failed`.
type Refusal struct {
	Code, Message, Fix, Doc string
	Pos                     Position
}

func (r *Refusal) Error() string { return r.Message }

// ErrNotFound is what a Site's reads return (wrapped) for an absent object.
var ErrNotFound = errors.New("not found")

// Site acts. It exists only inside a step or a wait. Objects are plain data as encoding/json decodes it, but numbers
// are int64 or float64. Errors name the operation and the object; scripts cannot catch them.
type Site interface {
	Cluster(name string) Cluster // "" is the management cluster
	VCenter() VCenter
	Registry() Registry
}

// Object is a Kubernetes object.
type Object = map[string]any

// Ref names a Kubernetes object. Kind is "KubeadmControlPlane", or with version and group
// "KubeadmControlPlane.v1beta1.controlplane.cluster.x-k8s.io"; without them the site's preferred version is taken.
type Ref struct {
	Kind, Namespace, Name string
}

// PatchType is the kind of a patch.
type PatchType string

const (
	MergePatch PatchType = "merge"
	JSONPatch  PatchType = "json"
)

// Cluster is the Kubernetes API of one cluster. Writes outside a step of risk Write or OneWay fail.
type Cluster interface {
	Get(ctx context.Context, r Ref) (Object, error)
	List(ctx context.Context, kind, namespace, labelSelector string) ([]Object, error)
	Events(ctx context.Context, r Ref) ([]Object, error)
	Create(ctx context.Context, o Object) (Object, error)
	Apply(ctx context.Context, o Object) (Object, error) // server-side apply, our own field manager
	Patch(ctx context.Context, r Ref, t PatchType, patch any) (Object, error)
	Delete(ctx context.Context, r Ref) error
}

// VCenter reads the site's vCenter.
type VCenter interface {
	VMs(ctx context.Context) ([]VM, error)
	Templates(ctx context.Context) ([]VM, error)
}

// VM is a virtual machine or a template in vCenter.
type VM struct {
	Name, Path, UUID, PowerState, IP string
	Template                         bool
}

// Registry reads the site's image registry.
type Registry interface {
	// Tags of a repository; ErrNotFound when the registry does not have the repository.
	Tags(ctx context.Context, repository string) ([]string, error)
}
