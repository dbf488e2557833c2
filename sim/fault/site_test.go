package fault

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/rehearse-dev/rehearse/fakes/fakekit/fakeclock"
	"github.com/rehearse-dev/rehearse/fakes/vcenter"
)

// site plays a twin of one cluster whose Kubernetes API does not answer.
type site struct {
	Site            // what no test here asks for: nil
	up     []string // voters
	voters int
	unused []string // templates

	hit     func(string) // of the fault that lies in wait
	call    func(string) // tells of a call
	vcenter vcenter.Fault
	api     APIFault
	gone    bool     // a template was taken away
	stopped []string // members
	healed  bool
	owed    []time.Duration // one after another
}

var _ Site = &site{}

func (s *site) HideTemplate(context.Context, string) (func(context.Context) error, error) {
	s.gone = true
	return func(context.Context) error { s.healed = true; return nil }, nil
}
func (s *site) UnusedTemplates(context.Context) ([]string, error) { return s.unused, nil }
func (s *site) EtcdVoters(string) ([]string, int, error)          { return s.up, s.voters, nil }
func (s *site) StopEtcd(_ context.Context, _, member string) (func(context.Context) error, error) {
	s.stopped = append(s.stopped, member)
	return func(context.Context) error { s.healed = true; return nil }, nil
}
func (s *site) FailGuests(_ Edge, _ func(string) bool, hit func(string)) func(context.Context) error {
	s.hit = hit
	return func(context.Context) error { s.healed = true; return nil }
}
func (s *site) Which(string, string) func(string) bool { return func(string) bool { return true } }
func (s *site) FailVCenter(f vcenter.Fault) func() {
	s.vcenter, s.hit = f, f.Fired
	return func() { s.healed = true }
}
func (s *site) FailAPI(f APIFault) func() {
	s.api, s.hit = f, f.Hit
	return func() { s.healed = true }
}
func (s *site) StopController(string) (func(), error) {
	return func() { s.healed = true }, nil
}
func (s *site) DelayWatches(_ string, _ time.Duration, hit func()) func() {
	s.hit = func(string) { hit() }
	return func() { s.healed = true }
}
func (s *site) Datastores() []string { return []string{"ds-1"} }
func (s *site) FailAppRelease(_, _, _ string, hit func(string)) (func(), error) {
	s.hit = hit
	return func() { s.healed = true }, nil
}
func (s *site) OnNoSlot(func(_, _, _ string)) func() { panic("not asked for") }

func (s *site) GrabDisk(func(_, _ string)) (func() error, error) { panic("not asked for") }

func (s *site) FailReclaims(string, func(string)) func() { panic("not asked for") }

func (s *site) OnCall(on func(string)) { s.call = on }
func (s *site) ClusterNames() []string { return []string{"prod-a"} }
func (s *site) Administrator(string) (*rest.Config, error) {
	return nil, errors.New("the API does not answer")
}
func (s *site) Draw(_ string, n int) int { return n - 1 }

// Owed is what is owed now; the next time what is owed then.
func (s *site) Owed() time.Duration {
	if len(s.owed) == 0 {
		return 0
	}
	d := s.owed[0]
	s.owed = s.owed[1:]
	return d
}

// story is what an engine said, a line per event.
type story struct {
	*Engine
	clock  *fakeclock.Clock
	called func(method string)
	lines  []string
}

// tell starts an engine with one fault.
func tell(t *testing.T, s *site, text string) *story {
	t.Helper()
	y := prepare(t, s, text)
	y.Start(t.Context())
	y.Begin(t.Context())
	return y
}

func prepare(t *testing.T, s *site, text string) *story {
	t.Helper()
	spec, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	y := &story{clock: fakeclock.New(), called: func(method string) {
		if s.call != nil {
			s.call(method)
		}
	}}
	say := func(what, more string) { y.lines = append(y.lines, what+" "+more) }
	y.Engine = NewEngine(s, y.clock, []Spec{spec}, Log{
		Armed: func(s Spec) { say("armed", s.ID) }, Laid: func(_ Spec, waits string) { say("laid", waits) },
		Fired: func(_ Spec, target string) { say("fired", target) }, Healed: func(_ Spec, target string) { say("healed", target) },
		Failed: func(_ Spec, err error) { say("failed", err.Error()) }})
	return y
}

func (y *story) check(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(y.lines, want) {
		t.Errorf("got  %q\nwant %q", y.lines, want)
	}
}

// beforeStep tells of a step that is about to begin, on a site where nobody works.
func (y *story) beforeStep(t *testing.T, id string) {
	t.Helper()
	if err := y.BeforeStep(t.Context(), id, func(time.Duration) error { return nil }); err != nil {
		t.Fatal(err)
	}
}
