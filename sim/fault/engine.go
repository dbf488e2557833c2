package fault

import (
	"context"
	"fmt"
	"sync"

	"github.com/rehearse-dev/rehearse/fakes/fakekit"
)

// Log is told of the life of the faults, in order. Its methods may be called from any goroutine.
type Log struct {
	Armed  func(s Spec)
	Fired  func(s Spec, target string)
	Healed func(s Spec, target string)
	Failed func(s Spec, err error) // the twin could not do it: our own machinery broke
}

// Engine fires faults at their moments. Tell it of the run through StepStarts and MachineRuns.
type Engine struct {
	site  Site
	clock fakekit.Clock
	log   Log

	mu      sync.Mutex
	armed   []*armed
	running map[string]int // new machines that run, by role
}

type armed struct {
	Spec
	fired, healed bool
	target        string
	heal          func(context.Context) error
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

func (e *Engine) fire(ctx context.Context, a *armed) {
	e.mu.Lock()
	again := a.fired
	a.fired = true
	e.mu.Unlock()
	if again {
		return
	}
	defer e.clock.Busy("fault/" + a.Fault.ID)()
	target, heal, err := a.Fault.inject(ctx, e.site, a.Args)
	if err != nil {
		e.log.Failed(a.Spec, fmt.Errorf("fault %s: inject: %w", a.Fault.ID, err))
		return
	}
	e.mu.Lock()
	a.target, a.heal = target, heal
	e.mu.Unlock()
	e.log.Fired(a.Spec, target)
	if a.Heal.After > 0 {
		e.clock.After("heal/"+a.Fault.ID, a.Heal.After, func() { e.healNow(ctx, a) })
	}
}

func (e *Engine) healNow(ctx context.Context, a *armed) {
	e.mu.Lock()
	heal := a.heal
	skip := a.healed || heal == nil
	a.healed = a.healed || heal != nil
	e.mu.Unlock()
	if skip {
		return
	}
	defer e.clock.Busy("heal/" + a.Fault.ID)()
	if err := heal(ctx); err != nil {
		e.log.Failed(a.Spec, fmt.Errorf("fault %s: heal: %w", a.Fault.ID, err))
		return
	}
	e.log.Healed(a.Spec, a.target)
}
