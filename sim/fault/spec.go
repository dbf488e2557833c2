package fault

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Spec is a fault that was asked for: "ID" or "ID:k=v,k=v". Besides the fault's own arguments there are
//
//	when=start               before the first step (the default)
//	when=at:STEP             when the step begins
//	when=time:20m            that much site time after the beginning
//	when=machine:ROLE/N      when the nth new machine of the role runs (control-plane, or a MachineDeployment)
//	heal=never               (the default)
//	heal=at:STEP             when the step begins
//	heal=time:20m            that much site time after it fired
type Spec struct {
	Fault Fault
	Args  Args
	When  Moment
	Heal  Moment
	Text  string // as it was given
}

// Moment is when something happens; exactly one field is set, or none for start and never.
type Moment struct {
	Step  string
	After time.Duration
	Role  string // with Nth
	Nth   int
}

func (m Moment) zero() bool { return m == Moment{} }

func (m Moment) String() string {
	switch {
	case m.Step != "":
		return "at:" + m.Step
	case m.After != 0:
		return "time:" + m.After.String()
	case m.Role != "":
		return fmt.Sprintf("machine:%s/%d", m.Role, m.Nth)
	}
	return "start"
}

// UnknownError is the error for an id that is not in the table.
type UnknownError struct{ ID string }

func (e *UnknownError) Error() string {
	return fmt.Sprintf("fault %q: not known; there are %s", e.ID, strings.Join(IDs(), ", "))
}

// SpecError is the error for a known fault that was asked for in words that make no sense.
type SpecError struct {
	ID  string
	Err error
}

func (e *SpecError) Error() string { return "fault " + e.ID + ": " + e.Err.Error() }

func (e *SpecError) Unwrap() error { return e.Err }

// Parse reads a fault as it is given on the command line. Its errors are *UnknownError and *SpecError.
func Parse(text string) (Spec, error) {
	id, rest, _ := strings.Cut(text, ":")
	f, ok := Find(id)
	if !ok {
		return Spec{}, &UnknownError{id}
	}
	given := map[string]string{}
	for _, kv := range strings.Split(rest, ",") {
		if kv == "" {
			continue
		}
		k, v, ok := strings.Cut(kv, "=")
		if _, twice := given[k]; !ok || twice {
			return Spec{}, &SpecError{id, fmt.Errorf("got %q, want each of k=v once", kv)}
		}
		given[k] = v
	}
	s := Spec{Fault: f, Text: text}
	var err error
	if s.When, err = moment(take(given, "when", "start"), "start"); err != nil {
		return Spec{}, &SpecError{id, fmt.Errorf("when: %w", err)}
	}
	if s.Heal, err = moment(take(given, "heal", "never"), "never"); err != nil {
		return Spec{}, &SpecError{id, fmt.Errorf("heal: %w", err)}
	}
	if s.Args, err = f.args(given); err != nil {
		return Spec{}, &SpecError{id, err}
	}
	return s, nil
}

func take(m map[string]string, k, otherwise string) string {
	if v, ok := m[k]; ok {
		delete(m, k)
		return v
	}
	return otherwise
}

func moment(text, zero string) (Moment, error) {
	if text == zero {
		return Moment{}, nil
	}
	kind, v, _ := strings.Cut(text, ":")
	switch kind {
	case "at":
		if v != "" {
			return Moment{Step: v}, nil
		}
	case "time":
		if d, err := time.ParseDuration(v); err == nil && d > 0 {
			return Moment{After: d}, nil
		}
	case "machine":
		role, n, ok := strings.Cut(v, "/")
		if nth, err := strconv.Atoi(n); ok && err == nil && nth > 0 && role != "" && zero == "start" {
			return Moment{Role: role, Nth: nth}, nil
		}
	}
	want := []string{zero, "at:STEP", "time:20m"}
	if zero == "start" {
		want = append(want, "machine:ROLE/N")
	}
	return Moment{}, fmt.Errorf("got %q, want %s", text, strings.Join(want, ", "))
}

// Names are what a world declares, by kind.
type Names map[Kind][]string

// NameError is a name that the world does not declare.
type NameError struct {
	Arg   string
	Kind  Kind
	Got   string
	Known []string
}

func (e *NameError) Error() string {
	return fmt.Sprintf("%s: the world has no %s %q; there are %s", e.Arg, e.Kind, e.Got, strings.Join(e.Known, ", "))
}

// Check tells whether the world has what the spec names. Its errors are *SpecError around *NameError.
func (s Spec) Check(n Names) error {
	check := func(arg string, k Kind, got string) error {
		if got == "" || slices.Contains(n[k], got) {
			return nil
		}
		return &SpecError{s.Fault.ID, &NameError{arg, k, got, n[k]}}
	}
	for _, a := range s.Fault.Args {
		if a.Kind == "" || a.Kind == Number {
			continue
		}
		if err := check(a.Name, a.Kind, s.Args[a.Name]); err != nil {
			return err
		}
	}
	return check("when", RoleName, s.When.Role)
}
