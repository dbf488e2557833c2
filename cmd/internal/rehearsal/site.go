package rehearsal

import (
	"context"

	"github.com/rehearse-dev/rehearse/runner"
	"github.com/rehearse-dev/rehearse/sim"
)

// site is a twin as the runner sees it: endpoints, a clock, and a person who always agrees.
type site struct{ *sim.Twin }

// Clock implements runner.Site.
func (s site) Clock() runner.Clock { return s.Twin.Clock() }

// Person implements runner.Site.
func (s site) Person() runner.Person { return operator{} }

// operator plays the person of a rehearsal: every gate is approved and every instruction carried out. What a manual
// step verifies afterwards is still verified.
type operator struct{}

// Approve implements runner.Person.
func (operator) Approve(context.Context, string, string) error { return nil }

// Act implements runner.Person.
func (operator) Act(context.Context, string, string) error { return nil }
