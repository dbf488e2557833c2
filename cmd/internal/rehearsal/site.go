package rehearsal

import (
	"github.com/rehearse-dev/rehearse/runner"
	"github.com/rehearse-dev/rehearse/sim"
)

// site is a twin as the runner sees it: endpoints, a clock, and a person.
type site struct {
	*sim.Twin
	person runner.Person
}

// Clock implements runner.Site.
func (s site) Clock() runner.Clock { return s.Twin.Clock() }

// Person implements runner.Site.
func (s site) Person() runner.Person { return s.person }
