package fault

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Moment is when something happens; exactly one of its ways is set, or none for start and never.
type Moment struct {
	Before   string        // a step, before it begins
	Step     string        // as it begins
	After    time.Duration // site time: of the run, or since the fault was felt first
	Role     string        // with Nth: a new machine that runs
	Phase    string        // with Role and Nth: of a machine that enters it
	Call     string        // with Nth: a method of vCenter, or VERB:KIND of a write to the management API
	Nth      int
	Felt     int // heal: how often the fault was felt
	Operator bool
}

// Phases are those of a Machine (sigs.k8s.io/cluster-api@v1.13.4 api/core/v1beta1 MachinePhase).
var Phases = []string{"Deleted", "Deleting", "Failed", "Pending", "Provisioned", "Provisioning", "Running", "Unknown", "Updating"}

// Verbs are what a write to the management API may be; an apply is a patch.
var Verbs = []string{"create", "delete", "patch", "update"}

func (m Moment) zero() bool { return m == Moment{} }

// String is the moment in the grammar of the command line; that of start and never is "start".
func (m Moment) String() string {
	switch {
	case m.Before != "":
		return "before:" + m.Before
	case m.Step != "":
		return "at:" + m.Step
	case m.After != 0:
		return "time:" + m.After.String()
	case m.Phase != "":
		return fmt.Sprintf("phase:%s/%s/%d", m.Role, m.Phase, m.Nth)
	case m.Role != "":
		return fmt.Sprintf("machine:%s/%d", m.Role, m.Nth)
	case m.Call != "":
		return fmt.Sprintf("call:%s/%d", m.Call, m.Nth)
	case m.Felt != 0:
		return fmt.Sprintf("after:%d", m.Felt)
	case m.Operator:
		return "operator"
	}
	return "start"
}

// way is a form that a moment may take.
type way struct {
	name string
	form string // for people
	read func(v string) (Moment, bool)
}

var (
	atStep = way{"at", "at:STEP", func(v string) (Moment, bool) { return Moment{Step: v}, v != "" }}
	inTime = way{"time", "time:20m", func(v string) (Moment, bool) {
		d, err := time.ParseDuration(v)
		return Moment{After: d}, err == nil && d > 0
	}}
	whenWays = []way{
		{"before", "before:STEP", func(v string) (Moment, bool) { return Moment{Before: v}, v != "" }},
		atStep, inTime,
		{"machine", "machine:ROLE/N", func(v string) (Moment, bool) {
			role, n, ok := nth(v)
			return Moment{Role: role, Nth: n}, ok && !strings.Contains(role, "/")
		}},
		{"phase", "phase:ROLE/PHASE/N", func(v string) (Moment, bool) {
			rest, n, ok := nth(v)
			role, phase, _ := strings.Cut(rest, "/")
			return Moment{Role: role, Phase: phase, Nth: n}, ok && role != "" && slices.Contains(Phases, phase)
		}},
		{"call", "call:METHOD/N", func(v string) (Moment, bool) {
			method, n, ok := nth(v)
			return Moment{Call: method, Nth: n}, ok && isCall(method)
		}},
	}
	healWays = []way{
		atStep, inTime,
		{"after", "after:N", func(v string) (Moment, bool) {
			n, err := strconv.Atoi(v)
			return Moment{Felt: n}, err == nil && n > 0
		}},
		{"operator", "operator", func(v string) (Moment, bool) { return Moment{Operator: true}, v == "" }},
	}
)

// nth takes "NAME/N" apart.
func nth(v string) (name string, n int, ok bool) {
	i := strings.LastIndex(v, "/")
	if i <= 0 {
		return "", 0, false
	}
	n, err := strconv.Atoi(v[i+1:])
	return v[:i], n, err == nil && n > 0
}

// isCall tells a method of vCenter or VERB:KIND from anything else. Which methods and kinds there are is not known here:
// what is never called never fires, and that is an error of the run.
func isCall(method string) bool {
	verb, kind, write := strings.Cut(method, ":")
	if !write {
		return verb[0] >= 'A' && verb[0] <= 'Z'
	}
	return slices.Contains(Verbs, verb) && kind != ""
}

// moment reads one of the ways; zero is the word for none.
func moment(text, zero string, ways []way) (Moment, error) {
	if text == zero {
		return Moment{}, nil
	}
	name, v, _ := strings.Cut(text, ":")
	want := []string{zero}
	for _, w := range ways {
		if m, ok := w.read(v); w.name == name && ok {
			return m, nil
		}
		want = append(want, w.form)
	}
	err := fmt.Errorf("got %q, want %s", text, strings.Join(want, ", "))
	switch name {
	case "phase":
		err = fmt.Errorf("%w, with one of the phases %s", err, strings.Join(Phases, ", "))
	case "call":
		err = fmt.Errorf("%w, with a method of vCenter, as CloneVM_Task, or a write, as patch:KubeadmControlPlane (%s)",
			err, strings.Join(Verbs, ", "))
	}
	return Moment{}, err
}
