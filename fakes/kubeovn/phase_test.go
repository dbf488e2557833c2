package kubeovn

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

var (
	born = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	lat  = DefaultLatency()
)

func TestNext(t *testing.T) {
	const v1, v2 = "v4.2.15", "v4.3.3"
	ok := State{Entered: born, Checked: born, Installed: v1, Target: v2, Available: true}
	with := func(change func(*State)) State { s := ok; change(&s); return s }
	for _, tt := range []struct {
		name string
		s    State
		at   time.Duration // after born
		want step
	}{
		{"a new chart is downloaded", with(func(s *State) { s.Installed = "" }), 0,
			step{to: Downloading, entered: true, after: lat.Downloading}},
		{"a downloaded chart is installed", with(func(s *State) { s.Phase, s.Installed = Downloading, "" }), lat.Downloading,
			step{to: Installing, entered: true, after: lat.Installing}},
		{"a new revision is upgraded to at once", with(func(s *State) { s.Phase, s.Changed = Success, true }), time.Hour,
			step{to: Upgrading, entered: true, after: lat.Upgrading}},
		{"a new revision that is not in the registry is waited for", with(func(s *State) {
			s.Phase, s.Changed, s.Available = Success, true, false
		}), time.Hour, step{to: Downloading, entered: true, after: lat.Downloading}},
		{"a chart that never came", with(func(s *State) { s.Phase, s.Available = Downloading, false }), lat.Downloading,
			step{to: DownloadFailed, entered: true, after: lat.IntervalSync}},
		{"new values only are synced", with(func(s *State) {
			s.Phase, s.Changed, s.Installed = Success, true, v2
		}), time.Hour, step{to: Syncing, entered: true, after: lat.Syncing}},
		{"an upgrade takes its time", with(func(s *State) { s.Phase = Upgrading }), lat.Upgrading - time.Second,
			step{to: Upgrading, after: time.Second}},
		{"then health is checked", with(func(s *State) { s.Phase = Upgrading }), lat.Upgrading,
			step{to: HealthChecking, entered: true, after: lat.HealthChecking}},
		{"a healthy chart has nothing to wait for", with(func(s *State) { s.Phase = HealthChecking }), lat.HealthChecking,
			step{to: Success, entered: true}},
		{"success stays", with(func(s *State) { s.Phase = Success }), 100 * time.Hour, step{to: Success}},
		{"a change during an upgrade starts again", with(func(s *State) {
			s.Phase, s.Changed = Upgrading, true
		}), 5 * time.Second, step{to: Upgrading, entered: true, after: lat.Upgrading}},

		{"a fault in the deployment", with(func(s *State) {
			s.Phase, s.Faults = Upgrading, armedAt(After(Upgrading), Fail)
		}), lat.Upgrading, step{to: DeployFailed, entered: true, after: lat.IntervalSync, hit: After(Upgrading)}},
		{"a fault before the deployment", with(func(s *State) {
			s.Phase, s.Changed, s.Faults = Success, true, armedAt(Before(Upgrading), Fail)
		}), 0, step{to: DeployFailed, entered: true, after: lat.IntervalSync, hit: Before(Upgrading)}},
		{"pods that never become ready", with(func(s *State) {
			s.Phase, s.Faults = HealthChecking, armedAt(Before(Success), Fail)
		}), lat.HealthChecking, step{to: NotReady, entered: true, after: lat.IntervalSync, hit: Before(Success)}},
		{"a download fault shows the download", with(func(s *State) {
			s.Phase, s.Changed, s.Faults = Success, true, armedAt(After(Downloading), Fail)
		}), 0, step{to: Downloading, entered: true, after: lat.Downloading}},
		{"slow pods hold", with(func(s *State) {
			s.Phase, s.Faults = HealthChecking, armedAt(After(HealthChecking), Hold)
		}), time.Hour, step{to: HealthChecking, after: lat.IntervalSync, hit: After(HealthChecking)}},

		{"waiting alone never clears a failure", with(func(s *State) {
			s.Phase, s.Faults, s.Checked = DeployFailed, armedAt(After(Upgrading), Fail), born.Add(9*time.Minute)
		}), 10 * time.Minute, step{to: DeployFailed, after: lat.IntervalSync}},
		{"nor does a touch while the cause is there", with(func(s *State) {
			s.Phase, s.Touched, s.Available = DownloadFailed, true, false
		}), 70 * time.Second, step{to: DownloadFailed, after: 50 * time.Second}},
		{"without a cause it waits for the interval sync", with(func(s *State) { s.Phase = DeployFailed }), 59 * time.Second,
			step{to: DeployFailed, after: time.Second}},
		{"which tries again", with(func(s *State) { s.Phase = DeployFailed }), time.Minute,
			step{to: Upgrading, entered: true, after: lat.Upgrading}},
		{"or somebody touches it", with(func(s *State) { s.Phase, s.Touched = DownloadFailed, true }), time.Second,
			step{to: Downloading, entered: true, after: lat.Downloading}},
		{"a chart that is not ready is only checked again", with(func(s *State) {
			s.Phase, s.Touched, s.Installed = NotReady, true, v2
		}), time.Second, step{to: HealthChecking, entered: true, after: lat.HealthChecking}},
		{"an interval sync counts once", with(func(s *State) {
			s.Phase, s.Checked = NotReady, born.Add(time.Minute)
		}), 61 * time.Second, step{to: NotReady, after: 59 * time.Second}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := next(tt.s, lat, born.Add(tt.at)); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func armedAt(at Edge, e Effect) map[Edge]Effect { return map[Edge]Effect{at: e} }

// From any phase, whatever was wrong before, a chart with its faults healed reaches Success and then rests.
func TestAHealedChartReachesSuccess(t *testing.T) {
	phases := []Phase{""}
	for _, r := range lifeCycle {
		phases = append(phases, r.phase)
	}
	phases = append(phases, Success)
	rapid.Check(t, func(t *rapid.T) {
		revision := rapid.SampledFrom([]string{"v4.2.15", "v4.3.3"})
		now := born
		s := State{
			Phase: rapid.SampledFrom(phases).Draw(t, "phase"), Entered: now, Checked: now, Target: "v4.3.3",
			Installed: rapid.OneOf(rapid.Just(""), revision).Draw(t, "installed"), Changed: rapid.Bool().Draw(t, "changed"),
		}
		if s.Phase == HealthChecking || s.Phase == NotReady || s.Phase == Success && !s.Changed {
			s.Installed = s.Target // what the operator has written by then
		}
		look := func() step {
			st := next(s, lat, now)
			s.Checked = now
			if st.entered {
				s.Phase, s.Entered, s.Changed = st.to, now, false
				if st.to == HealthChecking {
					s.Installed = s.Target
				}
			}
			return st
		}
		for range rapid.IntRange(0, 20).Draw(t, "troubled looks") {
			edge := rapid.Custom(func(t *rapid.T) Edge {
				return Edge{rapid.SampledFrom([]When{before, after}).Draw(t, "when"), rapid.SampledFrom(phases[1:]).Draw(t, "at")}
			})
			s.Faults = rapid.MapOfN(edge, rapid.SampledFrom([]Effect{Fail, Hold}), 0, 4).Draw(t, "faults")
			s.Available, s.Touched = rapid.Bool().Draw(t, "available"), rapid.Bool().Draw(t, "touched")
			look()
			now = now.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "seconds")) * time.Second)
		}
		s.Faults, s.Available, s.Touched = nil, true, false
		end := now.Add(time.Hour)
		for {
			st := look()
			if s.Phase == Success && st.after == 0 {
				break
			}
			if st.after <= 0 || now.After(end) {
				t.Fatalf("stuck in %q at %s: %+v", s.Phase, now.Sub(born), st)
			}
			now = now.Add(st.after)
		}
		if s.Installed != s.Target {
			t.Fatalf("success with %q installed, want %q", s.Installed, s.Target)
		}
	})
}

func TestADefaultUpgradeTakesAboutAMinute(t *testing.T) {
	if got := lat.Upgrading + lat.HealthChecking; got != time.Minute {
		t.Errorf("got %s, want 1m", got)
	}
}
