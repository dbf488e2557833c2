package fault

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Spec is a fault that was asked for: "ID" or "ID:k=v,k=v". Besides the fault's own arguments there are
//
//	when=start               15 minutes before the first step (the default)
//	when=before:STEP         before the step begins: it is not in the journal yet
//	when=at:STEP             when the step begins
//	when=time:20m            that much site time after the beginning
//	when=machine:ROLE/N      when the nth new machine of the role runs (control-plane, or a MachineDeployment)
//	when=phase:ROLE/PHASE/N  when for the nth time a machine of the role, old or new, enters the phase
//	when=call:METHOD/N       while the nth call of that method waits for its answer: of vCenter, or a write to the
//	                         management API as VERB:KIND
//	heal=never               (the default)
//	heal=at:STEP             when the step begins
//	heal=time:20m            that much site time after it was felt first
//	heal=after:N             when it was felt for the Nth time
//	heal=operator            when somebody calls Engine.Heal
type Spec struct {
	// ID is the fault's, or ID#2 and so on for one that a run has several times.
	ID    string
	Fault Fault
	Args  Args
	When  Moment
	Heal  Moment
	Text  string // as it was given
}

// UnknownError is the error for an id that is not in the table.
type UnknownError struct{ ID string }

func (e *UnknownError) Error() string {
	return fmt.Sprintf("fault %q: not known", e.ID)
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
	s := Spec{ID: f.ID, Fault: f, Text: text}
	var err error
	if s.When, err = moment(take(given, "when", "start"), "start", whenWays); err != nil {
		return Spec{}, &SpecError{id, fmt.Errorf("when: %w", err)}
	}
	if s.Heal, err = moment(take(given, "heal", cmp.Or(f.Lasts, "never")), "never", healWays); err != nil {
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

// Names are what a world declares, by kind.
type Names map[Kind][]string

// Add adds names of a kind.
func (n Names) Add(k Kind, names []string) { n[k] = append(n[k], names...) }

// NameError is a name that the world does not declare.
type NameError struct {
	Arg   string
	Kind  Kind
	Got   string
	Known []string
}

func (e *NameError) Error() string {
	known := "there are " + strings.Join(e.Known, ", ")
	if len(e.Known) == 0 {
		known = "before the run there is none"
	}
	return fmt.Sprintf("%s: the world has no %s %q; %s", e.Arg, e.Kind, e.Got, known)
}

// Check tells whether the world has what the spec names. Its errors are *SpecError around *NameError. A machine that comes
// in the run has no name before it, so none can be asked for.
func (s Spec) Check(n Names) error {
	check := func(arg string, k Kind, got string) error {
		if got == "" || slices.Contains(n[k], got) {
			return nil
		}
		return &SpecError{s.Fault.ID, &NameError{arg, k, got, n[k]}}
	}
	for _, a := range s.Fault.Args {
		if a.Kind == "" || a.Kind == Number || a.Kind == Duration {
			continue
		}
		if err := check(a.Name, s.kindOf(a, n), s.Args[a.Name]); err != nil {
			return err
		}
	}
	return check("when", RoleName, s.When.Role)
}

// kindOf is the kind of an argument's value: a machine is one of the cluster and the role that the fault is about.
func (s Spec) kindOf(a Arg, n Names) Kind {
	cluster := s.Args["cluster"]
	if cluster == "" && len(n[ClusterName]) > 0 {
		cluster = slices.Min(n[ClusterName])
	}
	switch a.Kind {
	case MachineName:
		return MachineOf(cluster, s.Args["role"])
	case MemberName:
		return MemberOf(cluster)
	}
	return a.Kind
}
