package kubeovn

import (
	"fmt"
	"slices"
	"sync"
)

// When is a side of a phase.
type When string

// The two sides: before a phase is entered, and after its time has passed.
const (
	before When = "before"
	after  When = "after"
)

// Edge is a place in the life cycle where a fault can stand.
type Edge struct {
	When  When
	Phase Phase
}

// Before is the edge into a phase.
func Before(p Phase) Edge { return Edge{before, p} }

// After is the edge out of a phase.
func After(p Phase) Edge { return Edge{after, p} }

// Effect is what a Fault does at its edge.
type Effect string

const (
	// Fail sends the chart to the failure of the phase that it is in, or is about to begin with.
	Fail Effect = "fail"
	// Hold keeps the chart where it is until the fault is healed.
	Hold Effect = "hold"
)

// Fault is a defect at an edge of the life cycle. A failure stays until the fault is healed; then the operator tries
// again at its next interval sync or when the object is touched.
type Fault struct {
	Edge    Edge
	Effect  Effect
	Message string       // for the condition; empty: a text that names the failure
	Fired   func(string) // if set, called with the AppRelease's name when it has met the fault for the first time: its status says so already
}

// faults are those that are injected into an operator. The zero value is ready.
type faults struct {
	mu    sync.Mutex
	armed []*armed
}

type armed struct {
	Fault
	fired sync.Once
}

// Inject arms a fault. heal takes it away; calling it twice is harmless.
func (o *Operator) Inject(f Fault) (heal func()) {
	o.faults.mu.Lock()
	defer o.faults.mu.Unlock()
	a := &armed{Fault: f}
	o.faults.armed = append(o.faults.armed, a)
	return func() {
		o.faults.mu.Lock()
		defer o.faults.mu.Unlock()
		o.faults.armed = slices.DeleteFunc(o.faults.armed, func(x *armed) bool { return x == a })
	}
}

// FailInto arms faults at every edge that leads to a failure: DownloadFailed, DeployFailed or NotReady.
func (o *Operator) FailInto(failure Phase, message string, fired func(string)) (heal func(), err error) {
	var heals []func()
	for _, r := range lifeCycle {
		if r.fails == failure && failure != "" {
			heals = append(heals, o.Inject(Fault{Edge: After(r.phase), Effect: Fail, Message: message, Fired: fired}))
		}
	}
	if heals == nil {
		return nil, fmt.Errorf("phase %q: want a failure, one of %s, %s, %s",
			failure, DownloadFailed, DeployFailed, NotReady)
	}
	return func() {
		for _, h := range heals {
			h()
		}
	}, nil
}

// HoldHealthCheck keeps every release whose pods are looked at in HealthChecking until heal is called. fired is told the
// release that should have gone on.
func (o *Operator) HoldHealthCheck(fired func(string)) (heal func()) {
	return o.Inject(Fault{Edge: After(HealthChecking), Effect: Hold, Fired: fired})
}

// effects are the armed faults as next wants them. The first one armed at an edge wins.
func (f *faults) effects() map[Edge]Effect {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := map[Edge]Effect{}
	for _, a := range f.armed {
		if _, ok := m[a.Edge]; !ok {
			m[a.Edge] = a.Effect
		}
	}
	return m
}

// at is the fault at an edge; nil: there is none, or it has been healed meanwhile.
func (f *faults) at(e Edge) *armed {
	f.mu.Lock()
	defer f.mu.Unlock()
	if i := slices.IndexFunc(f.armed, func(a *armed) bool { return a.Edge == e }); i >= 0 {
		return f.armed[i]
	}
	return nil
}

// message is what the fault says in the condition, "" for no fault.
func (a *armed) message() string {
	if a == nil {
		return ""
	}
	return a.Message
}

// felt tells the fault that an AppRelease has met it.
func (a *armed) felt(name string) {
	if a != nil && a.Fired != nil {
		a.fired.Do(func() { a.Fired(name) })
	}
}
