package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rehearse-dev/rehearse/cmd/internal/rehearsal"
	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/runner"
	"github.com/rehearse-dev/rehearse/runner/journal"
	"github.com/rehearse-dev/rehearse/runner/report"
	"github.com/rehearse-dev/rehearse/runner/view"
	"github.com/rehearse-dev/rehearse/sim/fault"
)

// runFlags are the flags of `rehearse run`.
type runFlags struct {
	world, dir, output string
	params, faults     []string
	seed               uint64
	provision, quiet   bool
	rollbackAt         string
	rollbackOnFailure  bool
}

func runCommand(e *env) *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run RUNBOOK --world FILE",
		Short: "Run a runbook on a twin",
		Long: `Run boots a twin of the world, runs the runbook on it and ends the twin. Its journal and logs
stay in the run directory; rehearse report shows them again. It always runs on a twin, never on a live site.

A fault is ID[:k=v,…]. Besides its own arguments it takes when= (default start) and heal= (default never, but
controller-restart heals after 30 s):
when=start|before:STEP|at:STEP|time:20m|machine:ROLE/N|phase:ROLE/PHASE/N|call:METHOD/N
heal=never|at:STEP|time:20m|after:N
Faults: ` + strings.Join(fault.IDs(), ", ") + `.

--rollback-at rehearses the way back: the run goes forward until that step has ended, then undoes its steps from the
last to the first, each followed by the wait that makes it safe, and passes when that comes to its end. A rollback that
is refused, or does not come to its end, fails. Stopping the run (Ctrl-C) never rolls back.`,
		Example: `  # the shipped rehearsal
  rehearse run scenarios/vsphere/upgrade.star --world scenarios/vsphere/prod-a.world.star \
      --param cluster=prod-a --param target=4.3.0

  # etcd loses its majority when the first new control-plane machine runs, and comes back 20 minutes later
  rehearse run scenarios/vsphere/upgrade.star --world scenarios/vsphere/prod-a.world.star \
      --param cluster=prod-a --param target=4.3.0 --fault etcd-quorum-loss:when=machine:control-plane/1,heal=time:20m

  # turn back in the middle of the upgrade
  rehearse run scenarios/vsphere/upgrade.star --world scenarios/vsphere/prod-a.world.star \
      --param cluster=prod-a --param target=4.3.0 --rollback-at kube-ovn-delivered`,
		Args: exactly(1, "the runbook's file"),
		RunE: func(c *cobra.Command, args []string) error { return f.run(c, e, args[0]) },
	}
	fs := c.Flags()
	fs.StringVar(&f.world, "world", "", "`FILE` that describes the twin (required)")
	fs.StringArrayVar(&f.params, "param", nil, "a parameter of the runbook, `k=v` (repeatable)")
	fs.StringArrayVar(&f.faults, "fault", nil, "a fault to inject, `ID[:k=v,…]` (repeatable)")
	fs.Uint64Var(&f.seed, "seed", 1, "what names, jitter and the choice of targets are drawn from")
	fs.StringVar(&f.dir, "dir", "", "run `DIRECTORY` (default runs/<world>-<time>)")
	fs.StringVarP(&f.output, "output", "o", "text", "what stdout gets: `FORMAT` text, json or jsonl")
	fs.BoolVar(&f.provision, "provision", false, "let the controllers build the clusters from nothing first")
	fs.StringVar(&f.rollbackAt, "rollback-at", "", "turn back when the step `ID` (or wait, or gate) has ended well, and undo what was done")
	fs.BoolVar(&f.rollbackOnFailure, "rollback-on-failure", false, "undo what was done when the runbook stops before its end; the run stays failed")
	fs.BoolVar(&f.quiet, "quiet", false, "no progress on stderr")
	return c
}

func (f *runFlags) run(c *cobra.Command, e *env, runbook string) error {
	if f.world == "" {
		return usage(c, errors.New("--world is required"))
	}
	if !slices.Contains([]string{"text", "json", "jsonl"}, f.output) {
		return usage(c, fmt.Errorf("--output: got %q, want text, json or jsonl", f.output))
	}
	if f.rollbackAt != "" && !dsl.IsKebab(f.rollbackAt) {
		return usage(c, fmt.Errorf("--rollback-at: got %q, want the id of a step", f.rollbackAt))
	}
	params, err := keyValues(f.params)
	if err != nil {
		return usage(c, err)
	}
	if f.dir == "" {
		f.dir = filepath.Join("runs", defaultName(f.world))
	}
	if _, err := os.Stat(filepath.Join(f.dir, journal.FileName)); err == nil {
		return usage(c, fmt.Errorf("--dir: %s holds the journal of a run already", f.dir))
	}
	r, err := rehearsal.Load(rehearsal.Config{Runbook: runbook, World: f.world, Params: params, Faults: f.faults, Seed: f.seed, Dir: f.dir,
		Provision: f.provision, Version: buildVersion(), Command: f.command(runbook), RollbackAt: f.rollbackAt, RollbackOnFailure: f.rollbackOnFailure})
	if err != nil {
		return err
	}
	binaries, err := e.lookup.Find(c.Context())
	if err != nil {
		return err
	}
	dir, err := openRunDir(f.dir)
	if err != nil {
		return usage(c, err)
	}
	defer dir.close()
	p := e.progress(f.quiet)
	for _, w := range r.Warnings() {
		p.warn(w)
	}
	var v *view.View
	res, err := r.Run(c.Context(), rehearsal.Surroundings{Binaries: binaries, Log: dir.log, Boot: p.boot,
		Listen: func(j *journal.Writer, site, wall func() time.Time) {
			p.done()
			v = e.view(f.quiet, site, wall)
			j.OnEvent(v.Event)
			if f.output == "jsonl" {
				j.OnEvent(func(ev journal.Event) { e.line(ev) })
			}
		}})
	p.done()
	if v != nil {
		v.Close()
	}
	if err != nil {
		return err
	}
	if err := e.show(res.Run, f.output); err != nil {
		return err
	}
	if res.ExitCode != runner.ExitPass {
		return &exit{res.ExitCode}
	}
	return nil
}

// show prints the result of a run on stdout.
func (e *env) show(r *journal.Run, format string) error {
	if format == "jsonl" {
		return nil // every line is out already
	}
	i := slices.IndexFunc(report.Formats, func(f report.Format) bool { return f.Name == format })
	b, err := report.Formats[i].Write(r)
	if err != nil {
		return err
	}
	_, err = e.stdout.Write(b)
	return err
}

// line prints one event as JSON.
func (e *env) line(ev journal.Event) {
	if l, err := ev.Line(); err == nil {
		_, _ = e.stdout.Write(l) // whoever listens may have gone
	}
}

func (e *env) view(quiet bool, site, wall func() time.Time) *view.View {
	mode := view.ModeOf(quiet, e.terminal, e.getenv)
	o := view.Options{Mode: mode, Out: e.stderr, Size: e.size, Site: site, Wall: wall}
	if mode.Live {
		o.Tick = time.Tick(100 * time.Millisecond)
	}
	return view.New(o)
}

// command is what repeats the run.
func (f *runFlags) command(runbook string) []string {
	l := []string{"rehearse", "run", runbook, "--world", f.world}
	for _, p := range f.params {
		l = append(l, "--param", p)
	}
	for _, x := range f.faults {
		l = append(l, "--fault", x)
	}
	if f.provision {
		l = append(l, "--provision")
	}
	if f.rollbackAt != "" {
		l = append(l, "--rollback-at", f.rollbackAt)
	}
	if f.rollbackOnFailure {
		l = append(l, "--rollback-on-failure")
	}
	return append(l, "--seed", fmt.Sprint(f.seed))
}

func keyValues(l []string) (map[string]string, error) {
	m := map[string]string{}
	for _, kv := range l {
		k, v, ok := strings.Cut(kv, "=")
		if _, twice := m[k]; !ok || k == "" || twice {
			return nil, fmt.Errorf("--param: got %q, want each of k=v once", kv)
		}
		m[k] = v
	}
	return m, nil
}

// defaultName is the name of a run directory: the world and the time.
func defaultName(world string) string {
	name, _, _ := strings.Cut(filepath.Base(world), ".")
	return name + "-" + time.Now().UTC().Format("20060102-150405.000")
}
