package fault

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

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

// Engine fires faults at their moments and heals them. Tell it of the run through BeforeStep, StepStarts and
// MachineSays, of machines from before Start on. All methods may be called from any goroutine.
type Engine struct {
	site  Site
	clock fakekit.Clock
	log   Log
	armed []*armed

	mu       sync.Mutex
	started  bool
	machines map[string]*seen
	nth      map[Moment]int // how often it has come, by a moment with Nth 0
}

// seen is what is known of a machine.
type seen struct {
	role  string // its last word, when it is gone, has none
	phase string
	ran   bool // also when it was there before the run
}

// armed is a fault on its way from armed over laid and fired to healed.
type armed struct {
	Spec
	begun, healed bool
	laid          laid
	felt          int
	targets       []string // what it hit, in order
}

// NewEngine takes the specs. Nothing happens before Start.
func NewEngine(site Site, clock fakekit.Clock, specs []Spec, log Log) *Engine {
	e := &Engine{site: site, clock: clock, log: log, machines: map[string]*seen{}, nth: map[Moment]int{}}
	for _, s := range specs {
		e.armed = append(e.armed, &armed{Spec: s})
	}
	return e
}

// Start arms the faults, fires what is due before the first step and returns when it is done, so that the runbook meets
// a site that has the fault already. It tells whether any was due. Begin comes next.
func (e *Engine) Start(ctx context.Context) (due bool) {
	e.mu.Lock()
	e.started = true
	e.mu.Unlock()
	calls := false
	for _, a := range e.armed {
		e.log.Armed(a.Spec)
		calls = calls || a.When.Call != ""
	}
	if calls {
		e.site.OnCall(func(method string) { e.comes(Moment{Call: method}, func(a *armed) { e.fire(ctx, a) }) })
	}
	for _, a := range e.armed {
		if a.When.zero() {
			e.fire(ctx, a)
			due = true
		}
	}
	return due
}

// Begin is the beginning from which the triggers of a time count.
func (e *Engine) Begin(ctx context.Context) {
	for _, a := range e.armed {
		if a.When.After > 0 {
			e.clock.After("fault/"+a.ID, a.When.After, func() { e.fire(ctx, a) })
		}
	}
}

// BeforeStep tells that a step is about to begin. It returns when the faults of that moment have fired. Where something is
// to fire or to heal before or with the step, it calls sleep first, until the site rests: else it would be chance how far
// the controllers have come that react to the step before.
func (e *Engine) BeforeStep(ctx context.Context, id string, sleep func(time.Duration) error) error {
	if !slices.ContainsFunc(e.armed, func(a *armed) bool { return a.When.Before == id || a.When.Step == id || a.Heal.Step == id }) {
		return nil
	}
	if err := e.rest(sleep); err != nil {
		return err
	}
	for _, a := range e.armed {
		if a.When.Before == id {
			e.fire(ctx, a)
		}
	}
	return nil
}

// mostRest is the site time after which a site that never rests is taken as it is.
const mostRest = 10 * time.Second

// rest sleeps until nobody works any more and nobody is only kept from it by a rate limit.
func (e *Engine) rest(sleep func(time.Duration) error) error {
	for until := e.clock.Now().Add(mostRest); ; {
		if err := sleep(0); err != nil {
			return err
		}
		owed := e.site.Owed()
		if owed == 0 || e.clock.Now().Add(owed).After(until) {
			return nil
		}
		if err := sleep(owed); err != nil {
			return err
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

// MachineSays tells what a machine says of itself now. Machines that are told of before Start are old ones. The faults of
// that moment fire at the same site time, once nobody works any more: else it would be chance how far the controllers
// have come that react to the same news. Some faults are felt there alone.
func (e *Engine) MachineSays(ctx context.Context, m Machine) {
	e.mu.Lock()
	key := m.Cluster + "/" + m.Name
	s := e.machines[key]
	if s == nil {
		s = &seen{ran: !e.started}
		e.machines[key] = s
	}
	s.role = cmp.Or(m.Role, s.role)
	m.Role = s.role
	entered, runs := s.phase != m.Phase, !s.ran && m.Phase == "Running" && m.Ready
	s.phase, s.ran = m.Phase, s.ran || runs
	started := e.started
	e.mu.Unlock()
	if !started {
		return
	}
	atRest := func(a *armed) { e.clock.After("fault/"+a.ID, 0, func() { e.fire(ctx, a) }) }
	if entered {
		e.comes(Moment{Role: m.Role, Phase: m.Phase}, atRest)
	}
	if runs {
		e.comes(Moment{Role: m.Role}, atRest)
	}
	for _, a := range e.armed {
		e.mu.Lock()
		sees := a.laid.sees
		e.mu.Unlock()
		if sees != nil {
			sees(m)
		}
	}
}

// Heal heals a fault by its ID in this run, as heal=operator asks for. Healing twice is harmless. The error is for an
// ID that the run does not have, or a fault that has not come yet.
func (e *Engine) Heal(ctx context.Context, id string) error {
	for _, a := range e.armed {
		if a.ID != id {
			continue
		}
		e.mu.Lock()
		there := a.laid.heal != nil
		e.mu.Unlock()
		if !there {
			return fmt.Errorf("heal fault %s: it has not come yet", id)
		}
		e.healNow(ctx, a)
		return nil
	}
	return fmt.Errorf("heal fault %s: the run has no such fault", id)
}

// comes counts a moment and lets strike what waits for this time that it comes.
func (e *Engine) comes(m Moment, strike func(*armed)) {
	e.mu.Lock()
	e.nth[m]++
	m.Nth = e.nth[m]
	e.mu.Unlock()
	for _, a := range e.armed {
		if a.When == m {
			strike(a)
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
	defer e.clock.Busy("fault/" + a.ID)()
	l, err := a.Fault.inject(ctx, e.site, a.Args, func(target string) { e.hit(ctx, a, target) })
	if err != nil {
		e.log.Failed(a.Spec, fmt.Errorf("fault %s: inject: %w", a.ID, err))
		return
	}
	e.mu.Lock()
	a.laid = l
	felt := a.felt
	e.mu.Unlock()
	if felt == 0 {
		e.log.Laid(a.Spec, l.waits)
	}
	if a.Heal.Felt > 0 && felt >= a.Heal.Felt {
		e.healNow(ctx, a) // it was felt while it was laid
	}
}

// hit is the moment at which a fault is felt. The first one is that from which heal=time counts. The caller holds no
// lock that the fault's heal takes.
func (e *Engine) hit(ctx context.Context, a *armed, target string) {
	e.mu.Lock()
	if a.healed {
		e.mu.Unlock()
		return
	}
	a.felt++
	felt, known := a.felt, slices.Contains(a.targets, target)
	if !known {
		a.targets = append(a.targets, target)
	}
	e.mu.Unlock()
	if !known {
		e.log.Fired(a.Spec, target)
	}
	if felt == 1 && a.Heal.After > 0 {
		e.clock.After("heal/"+a.ID, a.Heal.After, func() { e.healNow(ctx, a) })
	}
	if a.Heal.Felt > 0 && felt >= a.Heal.Felt {
		e.healNow(ctx, a)
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
	defer e.clock.Busy("heal/" + a.ID)()
	if err := heal(ctx); err != nil {
		e.log.Failed(a.Spec, fmt.Errorf("fault %s: heal: %w", a.ID, err))
		return
	}
	e.log.Healed(a.Spec, target)
}
