package runner_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/runner"
	"github.com/rehearse-dev/rehearse/runner/journal"
	"github.com/rehearse-dev/rehearse/sim/clock"
)

// site is a site without a world behind it: an API server of ours and a clock that jumps.
type site struct {
	api       *rest.Config
	workloads map[string]*rest.Config
	vcenter   *url.URL
	registry  *url.URL
	clock     *clock.Clock
	answer    error // of the person
	asked     []string
}

func (s *site) Management() *rest.Config { return rest.CopyConfig(s.api) }
func (s *site) VCenter() *url.URL        { return s.vcenter }
func (s *site) Registry() *url.URL       { return s.registry }
func (s *site) Clock() runner.Clock      { return s.clock }
func (s *site) Person() runner.Person    { return s }

func (s *site) Workload(_ context.Context, name string) (*rest.Config, error) {
	if c := s.workloads[name]; c != nil {
		return rest.CopyConfig(c), nil
	}
	return nil, fmt.Errorf("the site has no cluster %q", name)
}

func (s *site) Approve(_ context.Context, id, _ string) error {
	s.asked = append(s.asked, id)
	return s.answer
}

func (s *site) Act(_ context.Context, id, _ string) error {
	s.asked = append(s.asked, id)
	return s.answer
}

// start is the site time at which every test begins.
var start = time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC)

func newSite(t *testing.T, api *rest.Config) *site {
	t.Helper()
	c := clock.New(clock.Options{Start: start, Quiet: 2 * time.Millisecond})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); c.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return &site{api: api, clock: c}
}

// rig runs one script.
type rig struct {
	*site
	options runner.Options
	journal *journal.Writer
}

func newRig(t *testing.T, s *site, invariants ...string) *rig {
	t.Helper()
	w, err := journal.Create(filepath.Join(t.TempDir(), "run"), s.clock.Now, s.clock.Wall)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return &rig{site: s, journal: w, options: runner.Options{Site: s, Journal: w,
		Started: journal.RunStarted{SchemaVersion: journal.SchemaVersion, RunID: "run-1", Invariants: invariants}}}
}

func (r *rig) run(t *testing.T, script func(context.Context, dsl.Host) error) runner.Result {
	t.Helper()
	return r.runContext(t, t.Context(), script)
}

func (r *rig) runContext(t *testing.T, ctx context.Context, script func(context.Context,
	dsl.Host) error) runner.Result {
	t.Helper()
	r.options.Script = script
	result, err := runner.Run(ctx, r.options)
	if err != nil {
		t.Fatal(err)
	}
	saved, err := journal.ReadFile(r.journal.Path())
	if err != nil {
		t.Fatalf("the journal of the run cannot be read: %v", err)
	}
	if saved.Torn || saved.Ended == nil || saved.Ended.ExitCode != result.ExitCode || saved.Events != result.Run.Events {
		t.Fatalf("the journal does not end as the run: %+v, %+v", saved.Ended, result)
	}
	return result
}

// expect compares verdict, exit code and the outcomes of all steps, as "id outcome code".
func expect(t *testing.T, r runner.Result, verdict journal.Verdict, code int, steps ...string) {
	t.Helper()
	var got []string
	for _, s := range r.Run.Steps {
		if s.End == nil {
			got = append(got, s.ID+" runs")
			continue
		}
		got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %s", s.ID, s.End.Outcome, s.End.Code)))
	}
	if r.Verdict != verdict || r.ExitCode != code || strings.Join(got, "\n") != strings.Join(steps, "\n") {
		t.Errorf("got %s, exit %d (%s)\n%s\nwant %s, exit %d\n%s", r.Verdict, r.ExitCode, r.Message, strings.Join(got, "\n"),
			verdict, code, strings.Join(steps, "\n"))
	}
}

func contains(t *testing.T, what, got, want string) {
	t.Helper()
	if !strings.Contains(got, want) {
		t.Errorf("%s: got %q, want it to contain %q", what, got, want)
	}
}

// The bodies of steps and waits, as a runbook would have them.

type body = func(context.Context, dsl.Site) (dsl.Result, error)

func nothing(context.Context, dsl.Site) (dsl.Result, error) {
	return dsl.Result{Value: json.RawMessage(`null`)}, nil
}

func refuse5(context.Context, dsl.Site) (dsl.Result, error) {
	return dsl.Result{}, &dsl.Refusal{Code: "vsphere-template-missing", Message: "the template is missing",
		Fix: "upload it"}
}

func create(kind, name string) body {
	return func(ctx context.Context, s dsl.Site) (dsl.Result, error) {
		_, err := s.Cluster("").Create(ctx, dsl.Object{"apiVersion": "v1", "kind": kind,
			"metadata": object{"name": name, "namespace": "ns"}, "data": object{"a": "b"}})
		return dsl.Result{}, err
	}
}

func read(id string) dsl.Step { return dsl.Step{ID: id, Risk: dsl.Read} }
func writing(id string) dsl.Step {
	return dsl.Step{ID: id, Risk: dsl.Write, Undo: dsl.Undo{Keep: true}}
}

// steps is a script of steps, one after the other.
type action struct {
	step dsl.Step
	body body
}

func steps(l ...action) func(context.Context, dsl.Host) error {
	return func(ctx context.Context, h dsl.Host) error {
		for _, a := range l {
			if _, err := h.Step(ctx, a.step, a.body); err != nil {
				return fmt.Errorf("in run: %w", err)
			}
		}
		return nil
	}
}

var errScript = errors.New("the script is wrong")
