// Package rehearsal wires the pieces: it loads a runbook and a world, boots the twin, lets the runner run the runbook on
// it, and fires the faults that were asked for. The commands are thin shells around it.
package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/go-logr/logr"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/dsl/diag"
	"github.com/rehearse-dev/rehearse/runner"
	"github.com/rehearse-dev/rehearse/runner/check"
	"github.com/rehearse-dev/rehearse/runner/journal"
	"github.com/rehearse-dev/rehearse/sim"
	"github.com/rehearse-dev/rehearse/sim/assets"
	"github.com/rehearse-dev/rehearse/sim/clock"
	"github.com/rehearse-dev/rehearse/sim/fault"
)

// Config is what a person asked for.
type Config struct {
	Runbook, World string            // files
	Params         map[string]string // as given
	Faults         []string          // as given
	Seed           uint64
	Dir            string // run directory; it must not hold a journal yet
	Provision      bool
	Snapshot       string   // directory of warm worlds, see sim.Options; empty: the twin is booted
	Version        string   // of the program
	Command        []string // repeats the run
	// RollbackAt is the step after which the run turns back, "" for none; RollbackOnFailure turns back one that fails.
	// As runner.Options.
	RollbackAt        string
	RollbackOnFailure bool
}

// Rehearsal is a loaded run: nothing has been started, and everything that can be checked without a twin was checked.
type Rehearsal struct {
	c       Config
	runbook *dsl.Runbook
	params  dsl.Params
	world   *dsl.World
	plan    *sim.Plan
	faults  []fault.Spec

	operator map[string][]dsl.Action // of a scenario
	stuckFor time.Duration           // 0: a wait goes on until its own time is up
}

// Load reads and checks what was given. Its errors are diag.Diagnostics, all that is wrong at once; nothing was started.
func Load(c Config) (*Rehearsal, error) {
	r := &Rehearsal{c: c}
	if err := errors.Join(r.loadRunbook(), r.loadWorld()); err != nil {
		return nil, err
	}
	for _, text := range c.Faults {
		if err := r.addFault(text); err != nil {
			return nil, refusedFault(err, diag.Position{})
		}
	}
	if err := r.checkHealed(); err != nil {
		return nil, err
	}
	if c.RollbackAt != "" {
		if _, err := r.checkStep(c.RollbackAt, diag.Position{}); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// addFault reads a fault and checks it against the world. The journal knows faults by their ids: the second of a kind
// is ID#2.
func (r *Rehearsal) addFault(text string) error {
	s, err := fault.Parse(text)
	if err != nil {
		return err
	}
	n := 1
	for _, x := range r.faults {
		if x.Fault.ID == s.Fault.ID {
			n++
		}
	}
	if n > 1 {
		s.ID = fmt.Sprintf("%s#%d", s.ID, n)
	}
	r.nameTarget(&s)
	r.faults = append(r.faults, s)
	for _, id := range []string{s.When.Before, s.When.Step, s.Heal.Step} {
		if id == "" {
			continue
		}
		if _, err := r.checkStep(id, diag.Position{}); err != nil {
			return err
		}
	}
	return s.Check(r.plan.Names(r.c.Provision))
}

// checkHealed refuses a fault that waits for an operator: only a scenario has one.
func (r *Rehearsal) checkHealed() error {
	for _, f := range r.faults {
		if f.Heal.Operator {
			return refused("fault-never-mended", diag.Position{}, fmt.Errorf("fault %s is healed by the operator, whom only a scenario has", f.ID))
		}
	}
	return nil
}

func (r *Rehearsal) loadRunbook() (err error) {
	if r.runbook, err = (dsl.Loader{}).Runbook(r.c.Runbook); err != nil {
		return err
	}
	return r.bind(diag.Position{})
}

// bind binds the parameters; at is where they are given, the zero value is the command line.
func (r *Rehearsal) bind(at diag.Position) (err error) {
	if _, err := check.NewJudge(r.runbook.Invariants); err != nil {
		return refused("invariant-unknown", r.runbook.Pos, err)
	}
	if r.params, err = r.runbook.Bind(r.c.Params); err == nil || at.Line == 0 {
		return err
	}
	var l diag.List
	for _, d := range diag.All(err) {
		l = append(l, refused(d.Code, at, errors.New(d.Message)))
	}
	return l.Or()
}

func (r *Rehearsal) loadWorld() (err error) {
	r.world, r.plan, err = loadWorld(r.c.World, r.c.Seed)
	return err
}

func (r *Rehearsal) build(w *dsl.World) (err error) {
	r.world, r.plan, err = build(w, r.c.Seed)
	return err
}

// World is the simulator's form of a declared world.
func World(w *dsl.World) sim.World {
	out := sim.World{Name: w.Name, ACP: w.ACP, Artifacts: w.Registry.Artifacts, Timing: w.Timing}
	for _, c := range w.Clusters {
		out.Clusters = append(out.Clusters, sim.Cluster{Name: c.Name, Manifests: shown(c.Manifests), Except: c.Except, Etcd: sim.EtcdKind(c.Etcd)})
	}
	for _, x := range w.Changes {
		out.Changes = append(out.Changes, sim.Change{Kind: x.Kind, Name: x.Name, Merge: x.Merge, Where: fmt.Sprintf("%s:%d", x.Pos.File, x.Pos.Line)})
	}
	for _, t := range w.VCenter.Templates {
		out.Templates = append(out.Templates, sim.Template{Name: t.Name, Kubernetes: t.Kubernetes})
	}
	return out
}

// nameTarget gives a fault without a template the one that the runbook's target row names, where the runbook has the
// parameter target and the matrix has the row.
func (r *Rehearsal) nameTarget(s *fault.Spec) {
	target := r.params.Strings()["target"]
	if name, ok := s.Args["name"]; !ok || name != "" || target == "" {
		return
	}
	const file = "/row.star"
	text := fmt.Sprintf("load(\"@rehearse//acp.star\", \"matrix\")\nworld(clusters = [], vcenter = vcenter(templates = {matrix.row(%q).vm_template: \"v1\"}))\n", target)
	w, err := dsl.Loader{Root: "/", ReadFile: func(string) ([]byte, error) { return []byte(text), nil }}.World(file)
	if err == nil && len(w.VCenter.Templates) == 1 {
		s.Args["name"] = w.VCenter.Templates[0].Name
	}
}

// Faults are what was asked for, in the grammar of the command line.
func (r *Rehearsal) Faults() []string { return r.c.Faults }

// Seed is the seed of the run.
func (r *Rehearsal) Seed() uint64 { return r.c.Seed }

// Warnings are what a person should know before the run.
func (r *Rehearsal) Warnings() []string { return r.plan.Warnings }

// Surroundings are what a run needs of the process that it is in.
type Surroundings struct {
	Binaries assets.Set
	Log      logr.Logger
	// Boot is told what the boot is doing.
	Boot func(text string)
	// Listen adds listeners to the journal before the first event; site is the twin's clock.
	Listen func(j *journal.Writer, site, wall func() time.Time)
	// Measure, if set, looks at the twin when the run is over and before it ends.
	Measure func(t *sim.Twin)
}

// Run boots the twin, runs the runbook on it and ends the twin. The error is for a run that could not begin: an
// *sim.InputError is the user's, everything else the testbed's.
func (r *Rehearsal) Run(ctx context.Context, s Surroundings) (_ runner.Result, err error) {
	twin, err := r.plan.Start(ctx, sim.Options{Dir: filepath.Join(r.c.Dir, "twin"), Binaries: s.Binaries, Provision: r.c.Provision, Snapshot: r.c.Snapshot, Pace: clock.Free, Log: s.Log, Progress: s.Boot})
	if err != nil {
		return runner.Result{}, err
	}
	defer twin.Close()
	j, err := journal.Create(r.c.Dir, twin.Clock().Now, twin.Clock().Wall)
	if err != nil {
		return runner.Result{}, err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	breaks := func(err error) { cancel(&runner.TestbedError{Err: err}) }
	go func() {
		select {
		case <-twin.Failed():
			breaks(twin.Err())
		case <-ctx.Done():
		}
	}()
	s.Listen(j, twin.Clock().Now, twin.Clock().Wall)
	engine := newFaults(ctx, twin, j, r.faults, breaks)
	j.OnEvent(engine.hear)
	person := &operator{actions: r.operator, twin: twin, faults: engine, dir: r.c.Dir, acted: map[string]bool{}, note: func(text string) {
		if err := j.Append(journal.Note{Text: text}); err != nil {
			breaks(err)
		}
	}}
	j.OnEvent(person.hear)
	if s.Measure != nil {
		defer s.Measure(twin)
	}
	return runner.Run(ctx, runner.Options{Site: site{twin, person}, Journal: j, Started: r.started(twin.WallTimeOnly()), StuckFor: r.stuckFor,
		Script: func(ctx context.Context, h dsl.Host) error { return r.runbook.Run(ctx, h, r.params) },
		Scope:  check.Scope{Clusters: twin.ClusterNames()}, RollbackAt: r.c.RollbackAt, RollbackOnFailure: r.c.RollbackOnFailure,
		Arm: func(ctx context.Context, sleep func(time.Duration) error) error {
			for _, n := range twin.Notes() {
				if err := j.Append(journal.Warning{Text: n}); err != nil {
					return err
				}
			}
			return engine.arm(ctx, twin.Healthy, sleep)
		},
		BeforeStep: engine.engine.BeforeStep,
		ClockReport: func() journal.Clock {
			for _, what := range twin.Clock().GivenUp() {
				_ = j.Append(journal.Warning{Text: "site time did not wait long enough for " + what}) // a broken journal shows at the end
			}
			st := twin.Clock().Stats()
			return journal.Clock{Jumps: st.Jumps, Late: st.Late, QuietWall: journal.Seconds(st.QuietWall), VirtualNow: clock.VirtualNow}
		},
	})
}

func (r *Rehearsal) started(wallTimeOnly []string) journal.RunStarted {
	return journal.RunStarted{SchemaVersion: 1, RunID: filepath.Base(r.c.Dir), Version: r.c.Version, Seed: r.c.Seed,
		Runbook: journal.File{Name: r.runbook.Name, Path: r.c.Runbook, SHA256: r.runbook.Files},
		World:   &journal.File{Name: r.world.Name, Path: r.c.World, SHA256: r.plan.Digests()},
		Params:  r.params.Strings(), Faults: r.c.Faults, Invariants: r.runbook.Invariants, Command: r.c.Command, WallTimeOnly: wallTimeOnly}
}
