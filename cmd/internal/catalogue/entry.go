package catalogue

import (
	"slices"
	"strings"

	"github.com/rehearse-dev/rehearse/runner/check"
	"github.com/rehearse-dev/rehearse/sim/fault"
)

// The kinds of entries.
const (
	KindFault     = "fault"
	KindCode      = "code"
	KindInvariant = "invariant"
)

// Kinds is the kinds in the order in which they are shown, with what they are.
var Kinds = []struct{ Name, Plural, Doc string }{
	{KindFault, "Faults", "What can be made to go wrong on a twin."},
	{KindCode, "Codes", "What a step, a wait or a rollback says when it stops, or what is said of input with which nothing was started. Codes do not change, so that people can grep for them."},
	{KindInvariant, "Invariants", "What is watched during the whole run. The first moment at which one does not hold is kept with its evidence; the run goes on, and has failed."},
}

// Entry is one thing that can be explained.
type Entry struct {
	Kind, ID string
	Short    string // one line
	Facts    []Fact
}

// Fact is a paragraph with its title.
type Fact struct{ Title, Text string }

// All is every entry: faults, codes, invariants, each sorted by id.
func All() []Entry {
	var l []Entry
	for _, f := range fault.Faults {
		l = append(l, ofFault(f))
	}
	for _, c := range Codes {
		l = append(l, Entry{KindCode, c.ID, c.Means, []Fact{{"Means", c.Means}, {"Recovery", c.Recovery}, {"Source", c.Source}}})
	}
	for _, i := range check.All {
		l = append(l, Entry{KindInvariant, i.ID, i.Doc, []Fact{{"Claim", i.Doc},
			{"Symptom", "the report says when it did not hold first, and what was seen; the run goes on and fails, even when the runbook reaches its end"},
			{"Recovery", i.Recovery}, {"Source", i.Source}}})
	}
	return l
}

func ofFault(f fault.Fault) Entry {
	e := Entry{KindFault, f.ID, f.Effect, []Fact{{"Effect", f.Effect}, {"Symptom", f.Symptom}, {"Recovery", f.Recovery},
		{"Heal", f.Heal}, {"Source", f.Source}}}
	for _, a := range f.Args {
		e.Facts = append(e.Facts, Fact{a.Name + "=", argument(a)})
	}
	return e
}

// argument says what an argument of a fault is.
func argument(a fault.Arg) string {
	s := a.Doc
	if len(a.OneOf) > 0 {
		s += " (" + strings.Join(a.OneOf, ", ") + ")"
	}
	if a.Default != "" {
		s += "; default " + a.Default
	}
	if a.Required {
		s += "; required"
	}
	return s
}

// Find is every entry of that id: a fault and the code that it leads to may have the same.
func Find(id string) []Entry {
	return slices.DeleteFunc(All(), func(e Entry) bool { return e.ID != id })
}

// IDs is every id, once each.
func IDs() []string {
	var l []string
	for _, e := range All() {
		l = append(l, e.ID)
	}
	slices.Sort(l)
	return slices.Compact(l)
}
