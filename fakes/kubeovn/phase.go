package kubeovn

import (
	"fmt"
	"time"
)

// Phase is where the rollout of a chart stands, as status.charts.*.phase shows it. "" is a chart that nobody has
// looked at yet.
type Phase string

// The phases, in the order of life: work, success, failures.
const (
	Downloading    Phase = "Downloading"
	Installing     Phase = "Installing"
	Upgrading      Phase = "Upgrading"
	Syncing        Phase = "Syncing"
	HealthChecking Phase = "HealthChecking"
	Success        Phase = "Success"
	DownloadFailed Phase = "DownloadFailed"
	DeployFailed   Phase = "DeployFailed"
	NotReady       Phase = "NotReady"
)

// Latency is how long each phase lasts in site time, and how often a failed chart is looked at again.
type Latency struct {
	Downloading, Installing, Upgrading, Syncing, HealthChecking time.Duration
	IntervalSync                                                time.Duration
}

// DefaultLatency makes an upgrade take about a minute (000_d64b8bff74bf7917.txt); how the minute is divided, and the
// interval, are inventions.
func DefaultLatency() Latency {
	return Latency{
		Downloading: 10 * time.Second, Installing: 30 * time.Second, Upgrading: 30 * time.Second,
		Syncing: 10 * time.Second, HealthChecking: 30 * time.Second, IntervalSync: time.Minute,
	}
}

// State is all that decides what becomes of a chart next.
type State struct {
	Phase     Phase
	Entered   time.Time // when the phase began
	Checked   time.Time // when the chart was looked at before
	Installed string    // revision on the cluster, "" for none
	Target    string    // revision that the spec wants
	Changed   bool      // the spec is newer than what the phase works on
	Touched   bool      // somebody has edited the object's annotations since Checked
	Available bool      // the registry has the chart at Target
	Faults    map[Edge]Effect
}

// row is one phase of the life cycle.
type row struct {
	phase Phase
	takes func(Latency) time.Duration
	to    func(State) Phase // the next phase in a good life
	fails Phase             // the phase in a bad one; "" for a phase that is a failure itself
}

// lifeCycle has a row for each phase that does not last for ever.
var lifeCycle = []row{
	{Downloading, func(l Latency) time.Duration { return l.Downloading }, deploy, DownloadFailed},
	{Installing, func(l Latency) time.Duration { return l.Installing }, always(HealthChecking), DeployFailed},
	{Upgrading, func(l Latency) time.Duration { return l.Upgrading }, always(HealthChecking), DeployFailed},
	{Syncing, func(l Latency) time.Duration { return l.Syncing }, always(HealthChecking), DeployFailed},
	{HealthChecking, func(l Latency) time.Duration { return l.HealthChecking }, always(Success), NotReady},
	{DownloadFailed, intervalSync, always(Downloading), ""},
	{DeployFailed, intervalSync, deploy, ""},
	{NotReady, intervalSync, always(HealthChecking), ""},
}

func always(p Phase) func(State) Phase { return func(State) Phase { return p } }

func intervalSync(l Latency) time.Duration { return l.IntervalSync }

// deploy is the work that brings the target to the cluster.
func deploy(s State) Phase {
	switch s.Installed {
	case "":
		return Installing
	case s.Target:
		return Syncing
	}
	return Upgrading
}

// begin is the phase in which work on a new spec starts. A first installation shows that it downloads; an upgrade
// shows it only when there is something wrong with it.
func begin(s State) Phase {
	if s.Installed == "" || !s.Available || s.Faults[After(Downloading)] != "" {
		return Downloading
	}
	return deploy(s)
}

func rowOf(p Phase) row {
	for _, r := range lifeCycle {
		if r.phase == p {
			return r
		}
	}
	panic(fmt.Sprintf("unknown phase %q", p))
}

// step is the outcome of next.
type step struct {
	to      Phase
	entered bool          // to begins now, even if it is the phase that the chart is in
	after   time.Duration // when to look again; 0: when something happens
	hit     Edge          // the injected fault that made it so, zero for none
}

// next tells where a chart goes from here, or how long it stays. It looks only at its arguments.
func next(s State, l Latency, now time.Time) step {
	if s.Phase == "" || s.Changed {
		to := begin(s)
		return enter(s, l, to, rowOf(to).fails)
	}
	if s.Phase == Success {
		return step{to: Success}
	}
	r := rowOf(s.Phase)
	if r.fails == "" {
		return retry(s, l, now, r)
	}
	if left := r.takes(l) - now.Sub(s.Entered); left > 0 {
		return step{to: s.Phase, after: left}
	}
	if st, hit := impeded(s, l, After(s.Phase), r.fails); hit {
		return st
	}
	if s.Phase == Downloading && !s.Available {
		return fail(l, DownloadFailed, Edge{})
	}
	return enter(s, l, r.to(s), r.fails)
}

// enter moves to a phase unless a fault stands before it.
func enter(s State, l Latency, to, fails Phase) step {
	if st, hit := impeded(s, l, Before(to), fails); hit {
		return st
	}
	st := step{to: to, entered: true}
	if to != Success {
		st.after = rowOf(to).takes(l)
	}
	return st
}

func fail(l Latency, to Phase, hit Edge) step {
	return step{to: to, entered: true, after: l.IntervalSync, hit: hit}
}

// impeded applies the fault at an edge.
func impeded(s State, l Latency, at Edge, fails Phase) (step, bool) {
	switch s.Faults[at] {
	case "":
		return step{}, false
	case Hold:
		return step{to: s.Phase, after: l.IntervalSync, hit: at}, true
	case Fail:
		return fail(l, fails, at), true
	}
	panic(fmt.Sprintf("unknown effect %q", s.Faults[at]))
}

// retry lets a failed chart try again when somebody touched it or an interval sync is due, if the cause has gone;
// waiting alone never clears a failure.
func retry(s State, l Latency, now time.Time, r row) step {
	since, checked := now.Sub(s.Entered), s.Checked.Sub(s.Entered)
	stay := step{to: s.Phase, after: l.IntervalSync - since%l.IntervalSync}
	due := since/l.IntervalSync > checked/l.IntervalSync
	if !due && !s.Touched || s.Phase == DownloadFailed && !s.Available {
		return stay
	}
	to := r.to(s)
	for _, at := range []Edge{Before(to), After(to), Before(rowOf(to).to(s))} {
		if s.Faults[at] != "" {
			return stay
		}
	}
	return enter(s, l, to, s.Phase)
}
