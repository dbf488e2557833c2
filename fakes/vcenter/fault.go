package vcenter

import (
	"path"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/vmware/govmomi/vim25/types"
)

// Effect is what a Fault does to the call that it hits.
type Effect string

const (
	// Refuse answers the call with the fault: nothing happens.
	Refuse Effect = "refuse"
	// Fail lets the task run for its time and end in error: nothing else has happened.
	Fail Effect = "fail"
	// Lose lets the task do its work and then end in error: the acknowledgement is lost.
	Lose Effect = "lose"
	// Hold keeps the task running until the fault is healed; then it takes its time as usual.
	Hold Effect = "hold"
	// Slow lets the task take Factor times as long.
	Slow Effect = "slow"
	// Down is vCenter's service that has stopped: the proxy before it answers every request with 503. What was asked
	// before is still answered, and the VMs run on. Method and VM say nothing then; nor with Expired.
	Down Effect = "down"
	// Expired is an account whose password is no longer good: its sessions have ended and no login works.
	Expired Effect = "expired"
)

// The layers that look for a fault, each for effects of its own.
var (
	ofTasks    = []Effect{Refuse, Fail, Lose, Hold}
	ofCalls    = []Effect{Refuse}
	ofTime     = []Effect{Slow}
	ofService  = []Effect{Down}
	ofSessions = []Effect{Expired}
)

// Fault is a defect of vCenter that waits for a call. Calls of VCenter's own methods are never hit.
type Fault struct {
	// Method is the SOAP method, e.g. "CloneVM_Task"; empty: any. Refuse works on all, the others on the tasks of
	// Durations.
	Method string
	// VM is a path.Match pattern of the name of the VM that the call acts on (of a clone: the new name); empty: any.
	VM string
	// Which, if set, tells by its name whether a VM is meant. It must not block.
	Which func(vm string) bool
	// Nth says which matching call is hit, counted from Inject on; 0: each of them.
	Nth    int
	Effect Effect
	Factor int // of Slow
	// Err is the fault that clients see, e.g. &types.NoDiskSpace{}; not used by Hold.
	Err types.BaseMethodFault
	// Message is vCenter's text for it; empty: the name of Err's type.
	Message string
	// Fired, if set, is called with the name of the VM (Down and Expired: what was asked) each time the fault hits, while
	// the call waits.
	Fired func(vm string)
}

// faults are those that are injected. Unlike vcsim's own injector it counts under one lock, so that the nth call is
// one call. The zero value is ready.
type faults struct {
	mu    sync.Mutex
	armed []*armed
}

type armed struct {
	Fault
	calls int // matching calls so far

	mu     sync.Mutex // guards what follows
	healed bool
	held   []func() // what goes on when the fault is healed
}

// Inject arms a fault. heal takes it away and lets go of what it holds; calling it twice is harmless.
func (v *VCenter) Inject(f Fault) (heal func()) {
	a := &armed{Fault: f}
	v.faults.mu.Lock()
	defer v.faults.mu.Unlock()
	v.faults.armed = append(v.faults.armed, a)
	return func() {
		v.faults.mu.Lock()
		v.faults.armed = slices.DeleteFunc(v.faults.armed, func(o *armed) bool { return o == a })
		v.faults.mu.Unlock()
		a.release()
	}
}

// hold keeps fn until the fault is healed. What it starts is in place when heal returns.
func (a *armed) hold(fn func()) {
	a.mu.Lock()
	if !a.healed {
		a.held = append(a.held, fn)
		a.mu.Unlock()
		return
	}
	a.mu.Unlock()
	fn()
}

func (a *armed) release() {
	a.mu.Lock()
	held := a.held
	a.healed, a.held = true, nil
	a.mu.Unlock()
	for _, fn := range held {
		fn()
	}
}

// hit counts a call and returns the fault of these effects that it meets, nil in the usual case. The first one armed
// wins.
func (f *faults) hit(of []Effect, method, vm string) *armed {
	var found *armed
	f.mu.Lock()
	for _, a := range f.armed {
		if !slices.Contains(of, a.Effect) || !a.matches(method, vm) {
			continue
		}
		a.calls++
		if found == nil && (a.Nth == 0 || a.Nth == a.calls) {
			found = a
		}
	}
	f.mu.Unlock()
	if found != nil && found.Fired != nil {
		found.Fired(vm)
	}
	return found
}

func (a *armed) matches(method, vm string) bool {
	if a.Method != "" && a.Method != method || a.Which != nil && !a.Which(vm) {
		return false
	}
	ok, err := path.Match(a.VM, vm)
	return a.VM == "" || ok && err == nil
}

// is tells whether a fault hit at all, and with which effect.
func (a *armed) is(e Effect) bool { return a != nil && a.Effect == e }

func (a *armed) localized() *types.LocalizedMethodFault {
	return localized(a.Err, a.Message)
}

// localized is a fault as a task reports it.
func localized(err types.BaseMethodFault, message string) *types.LocalizedMethodFault {
	if message == "" {
		message = strings.TrimPrefix(reflect.TypeOf(err).String(), "*types.")
	}
	return &types.LocalizedMethodFault{Fault: err, LocalizedMessage: message}
}
