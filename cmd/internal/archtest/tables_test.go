package archtest

import (
	"regexp"
	"slices"
	"testing"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/runner/check"
	"github.com/rehearse-dev/rehearse/runner/report"
	"github.com/rehearse-dev/rehearse/sim"
	"github.com/rehearse-dev/rehearse/sim/fault"
)

var kebab = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// Every family has one table, sorted, without duplicates. People grep for the ids, so they are kebab-case.
func TestTablesAreSorted(t *testing.T) {
	var builtins, formats, invariants, timings []string
	for _, b := range dsl.Builtins() {
		builtins = append(builtins, b.Name)
	}
	for _, x := range sim.Timings {
		timings = append(timings, x.Key)
	}
	for _, i := range check.All {
		invariants = append(invariants, i.ID)
	}
	for _, f := range report.Formats {
		formats = append(formats, f.Name)
	}
	for _, row := range []struct {
		name string
		ids  []string
		form *regexp.Regexp
	}{
		{"builtins", builtins, regexp.MustCompile(`^[a-z]+(_[a-z]+)*(\.[a-z]+(_[a-z]+)*)?$`)},
		{"faults", fault.IDs(), kebab},
		{"invariants", invariants, kebab},
		{"report formats", formats, kebab},
		{"timings", timings, kebab},
	} {
		if len(row.ids) == 0 {
			t.Errorf("%s: the table is empty", row.name)
		}
		for i, id := range row.ids {
			if i > 0 && row.ids[i-1] >= id {
				t.Errorf("%s: %s stands after %s", row.name, id, row.ids[i-1])
			}
			if !row.form.MatchString(id) {
				t.Errorf("%s: got id %q, want it to match %s", row.name, id, row.form)
			}
		}
	}
}

func TestFaultsSayWhatTheyAre(t *testing.T) {
	for _, f := range fault.Faults {
		if slices.Contains([]string{f.Effect, f.Symptom, f.Recovery, f.Heal, f.Source}, "") {
			t.Errorf("%s: got an empty text, want effect, symptom, recovery, heal and source", f.ID)
		}
		for _, a := range f.Args {
			if a.Doc == "" {
				t.Errorf("%s: argument %s says nothing", f.ID, a.Name)
			}
		}
	}
	for _, x := range sim.Timings {
		if x.Source == "" {
			t.Errorf("timing %s: no source; a guess says that it is one", x.Key)
		}
	}
}

// No registration behind the reader's back: what a program has stands in its tables.
func TestNoInitFunctions(t *testing.T) {
	for _, s := range tree(t) {
		for _, f := range functions(s) {
			if f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s:%d: got func init, want a row in a table", s.path, s.line(f))
			}
		}
	}
}
