package dsl

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Suite is what a file of scenarios declares.
type Suite struct {
	Name, Doc string // of suite(…), else the name is that of the file
	File      string // path of the file
	Scenarios []*Scenario
}

// Scenario is a run that is expected to end in a certain way. It is plain data, checked as far as the language can: that
// faults, machines and clusters exist is for whoever knows their tables.
type Scenario struct {
	Name, Doc string
	File      string // path of the file that declares it
	Pos       Position
	World     *World
	Runbook   *Runbook
	Params    map[string]string
	Faults    []FaultCall
	Operator  map[string][]Action // by the id of a gate, a manual or a wait, each in the order of the file
	Expect    Expectation
	Seed      *uint64 // nil: the suite's
	Tags      []string
}

// FaultCall is fault.NAME(…). Positional values are those of the fault's arguments in the order of its table.
type FaultCall struct {
	ID         string // kebab-case
	Positional []string
	Named      []FaultArg // in the order of the call, when and heal left out
	When, Heal string     // in the grammar of --fault; "" is the default
	Pos        Position
}

// FaultArg is an argument of a fault.
type FaultArg struct{ Name, Value string }

// Text is the fault in the grammar of --fault; names are those of the fault's arguments, for the positional values.
func (f FaultCall) Text(names []string) (string, error) {
	var args []string
	for i, v := range f.Positional {
		if i >= len(names) {
			return "", fmt.Errorf("got %d values, want at most %d: %s", len(f.Positional), len(names), strings.Join(names, ", "))
		}
		args = append(args, names[i]+"="+v)
	}
	for _, a := range append(slices.Clone(f.Named), FaultArg{"when", f.When}, FaultArg{"heal", f.Heal}) {
		if a.Value != "" {
			args = append(args, a.Name+"="+a.Value)
		}
	}
	if len(args) == 0 {
		return f.ID, nil
	}
	return f.ID + ":" + strings.Join(args, ","), nil
}

// Action is what the operator of a scenario does at a gate, at a manual, or at a wait that has become stuck. Exactly one
// of Approve, Reject, Heal and Do is set.
type Action struct {
	Approve bool
	Reject  string // the reason
	Heal    string // the id of the fault that the operator mends
	Do      func(context.Context, Site) error
	Pos     Position
}

// ExpectKind is how a run is expected to end.
type ExpectKind string

const (
	Completes ExpectKind = "completes" // the runbook reaches its end
	IsBlocked ExpectKind = "blocked"   // it stops itself before any write
	Fails     ExpectKind = "fails"     // it stops after a write, or an invariant is violated
	Stuck     ExpectKind = "stuck"     // a wait sees no change for too long
	Refused   ExpectKind = "refused"   // the site refuses a write
)

// Expectation is what a scenario wants of its run. Zero fields want nothing.
type Expectation struct {
	Kind       ExpectKind
	Step       string // where it ends
	Code       string
	Because    string // in what was said at the end, upper and lower case alike
	Writes     *int   // that changed something, or may have, those of a rollback left out
	Within     time.Duration
	Rollback   string          // done, noop, refused or failed; such a run is rolled back when it stops before its end
	Invariants map[string]bool // true: it holds; false: it is violated. The others hold
	Never      []string        // ids of steps and invariants; a text with a space: of what was said
	Order      []string        // ids of steps and faults, "fault:ID" where one could be both
	Pos        Position
}

// String is the expectation in words.
func (e Expectation) String() string {
	words := []string{string(e.Kind)}
	if e.Step != "" {
		words[0] += " at " + e.Step
	}
	say := func(given bool, format string, args ...any) {
		if given {
			words = append(words, fmt.Sprintf(format, args...))
		}
	}
	say(e.Code != "", "code %s", e.Code)
	say(e.Because != "", "because %q", e.Because)
	if e.Writes != nil {
		say(true, "%d writes", *e.Writes)
	}
	say(e.Within > 0, "within %s", e.Within)
	say(e.Rollback != "", "rollback %s", e.Rollback)
	for _, id := range slices.Sorted(maps.Keys(e.Invariants)) {
		say(e.Invariants[id], "%s holds", id)
		say(!e.Invariants[id], "%s is violated", id)
	}
	say(len(e.Never) > 0, "never %s", strings.Join(e.Never, ", "))
	say(len(e.Order) > 0, "in the order %s", strings.Join(e.Order, ", "))
	return strings.Join(words, ", ")
}
