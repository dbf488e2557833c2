package fault

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/rehearse-dev/rehearse/fakes/fakekit"
)

// Log is told of the life of the faults, in order. Its methods may be called from any goroutine.
type Log struct {
	Armed  func(s Spec)
	Laid   func(s Spec, waits string)  // it is in place, and is felt once this has passed
	Fired  func(s Spec, target string) // it was felt: once for each target
	Healed func(s Spec, target string)
	Failed func(s Spec, err error) // the twin could not do it: our own machinery broke
}

// Engine fires faults at their moments. Tell it of the run through StepStarts, MachineRuns and MachineSays.
type Engine struct {
	site  Site
	clock fakekit.Clock
	log   Log

	mu      sync.Mutex
	armed   []*armed
	running map[string]int // new machines that run, by role
}

// armed is a fault on its way from armed over laid and fired to healed.
type armed struct {
	Spec
	begun, healed bool
	laid          laid
	targets       []string // what it hit, in order
}

// NewEngine arms the specs: those of when=start fire in Start.
func NewEngine(site Site, clock fakekit.Clock, specs []Spec, log Log) *Engine {
	e := &Engine{site: site, clock: clock, log: log, running: map[string]int{}}
	for _, s := range specs {
		e.armed = append(e.armed, &armed{Spec: s})
		log.Armed(s)
	}
	return e
}

// Start fires what is due before the first step and returns when it is done, so that the runbook meets a site that has
// the fault already.
func (e *Engine) Start(ctx context.Context) {
	for _, a := range e.armed {
		switch {
		case a.When.zero():
			e.fire(ctx, a)
		case a.When.After > 0:
			e.clock.After("fault/"+a.Fault.ID, a.When.After, func() { e.fire(ctx, a) })
		}
	}
}

// StepStarts tells that a step begins. It returns when the faults of that moment have fired or healed.
func (e *Engine) StepStarts(ctx context.Context, id string) {
	for _, a := range e.armed {
		if a.When.Step == id {
			e.fire(ctx, a)
		}
		if a.Heal.Step == id {
			e.healNow(ctx, a)
		}
	}
}

// MachineRuns tells that a machine that was not there at the beginning runs.
func (e *Engine) MachineRuns(ctx context.Context, role string) {
	e.mu.Lock()
	e.running[role]++
	n := e.running[role]
	e.mu.Unlock()
	for _, a := range e.armed {
		if a.When.Role == role && a.When.Nth == n {
			e.fire(ctx, a)
		}
	}
}

// MachineSays tells what a machine says of itself now: some faults are felt there alone.
func (e *Engine) MachineSays(m Machine) {
	for _, a := range e.armed {
		e.mu.Lock()
		sees := a.laid.sees
		e.mu.Unlock()
		if sees != nil {
			sees(m)
		}
	}
}

// fire lays the fault, once.
func (e *Engine) fire(ctx context.Context, a *armed) {
	e.mu.Lock()
	again := a.begun
	a.begun = true
	e.mu.Unlock()
	if again {
		return
	}
	defer e.clock.Busy("fault/" + a.Fault.ID)()
	l, err := a.Fault.inject(ctx, e.site, a.Args, func(target string) { e.hit(ctx, a, target) })
	if err != nil {
		e.log.Failed(a.Spec, fmt.Errorf("fault %s: inject: %w", a.Fault.ID, err))
		return
	}
	e.mu.Lock()
	a.laid = l
	felt := len(a.targets) > 0
	e.mu.Unlock()
	if !felt {
		e.log.Laid(a.Spec, l.waits)
	}
}

// hit is the moment at which a fault is felt. The first one is that from which heal=time counts.
func (e *Engine) hit(ctx context.Context, a *armed, target string) {
	e.mu.Lock()
	known := a.healed || slices.Contains(a.targets, target)
	if !known {
		a.targets = append(a.targets, target)
	}
	first := len(a.targets) == 1
	e.mu.Unlock()
	if known {
		return
	}
	e.log.Fired(a.Spec, target)
	if first && a.Heal.After > 0 {
		e.clock.After("heal/"+a.Fault.ID, a.Heal.After, func() { e.healNow(ctx, a) })
	}
}

func (e *Engine) healNow(ctx context.Context, a *armed) {
	e.mu.Lock()
	heal := a.laid.heal
	skip := a.healed || heal == nil
	a.healed = a.healed || heal != nil
	target := strings.Join(a.targets, "; ")
	e.mu.Unlock()
	if skip {
		return
	}
	defer e.clock.Busy("heal/" + a.Fault.ID)()
	if err := heal(ctx); err != nil {
		e.log.Failed(a.Spec, fmt.Errorf("fault %s: heal: %w", a.Fault.ID, err))
		return
	}
	e.log.Healed(a.Spec, target)
}
