package main

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rehearse-dev/rehearse/cmd/internal/rehearsal"
	"github.com/rehearse-dev/rehearse/runner"
	"github.com/rehearse-dev/rehearse/sim/clock"
)

// upFlags are the flags of `rehearse up`.
type upFlags struct {
	world, dir, pace string
	seed             uint64
	provision, quiet bool
}

func upCommand(e *env) *cobra.Command {
	var f upFlags
	c := &cobra.Command{
		Use:   "up --world FILE",
		Short: "Keep a twin running and point kubectl and govc at it",
		Long: `Up boots a twin of the world and keeps it until Ctrl-C. When it is ready it writes DIR/site.json (kubeconfigs, vCenter,
registry) and says how to use the usual tools with it.

While nothing happens site time stands still (--clock=hold), passes at real speed (real), sixty times as fast (x60, or
any xN), or jumps from event to event (free).`,
		Example: `  rehearse up --world scenarios/vsphere/prod-a.world.star --dir runs/up --clock=x60`,
		Args:    noArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return f.run(c, e) },
	}
	fs := c.Flags()
	fs.StringVar(&f.world, "world", "", "`FILE` that describes the twin (required)")
	fs.StringVar(&f.dir, "dir", "", "`DIRECTORY` of the twin (default runs/<world>-<time>)")
	fs.StringVar(&f.pace, "clock", "real", "how site time passes: `PACE` hold, real, xN or free")
	fs.Uint64Var(&f.seed, "seed", 1, "what names and jitter are drawn from")
	fs.BoolVar(&f.provision, "provision", false, "let the controllers build the clusters from nothing first")
	fs.BoolVar(&f.quiet, "quiet", false, "no progress on stderr")
	return c
}

func (f *upFlags) run(c *cobra.Command, e *env) error {
	if f.world == "" {
		return usage(c, fmt.Errorf("--world is required"))
	}
	pace, err := parsePace(f.pace)
	if err != nil {
		return usage(c, err)
	}
	if f.dir == "" {
		f.dir = filepath.Join("runs", defaultName(f.world))
	}
	u, err := rehearsal.LoadUp(f.world, f.seed)
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
	twin, site, err := u.Start(c.Context(), f.dir, f.provision, pace, rehearsal.Surroundings{Binaries: binaries, Log: dir.log, Boot: p.boot})
	p.done()
	if err != nil {
		return err
	}
	defer twin.Close()
	defer site.Remove()
	for _, n := range twin.Notes() {
		p.warn(n)
	}
	fmt.Fprint(e.stdout, site.Text())
	select {
	case <-c.Context().Done():
		fmt.Fprintln(e.stderr, "ending the twin")
		return &exit{runner.ExitPass}
	case <-twin.Failed():
		return fmt.Errorf("the twin broke: %w", twin.Err())
	}
}

func parsePace(s string) (clock.Pace, error) {
	switch s {
	case "hold":
		return clock.Hold, nil
	case "real":
		return 1, nil
	case "free":
		return clock.Free, nil
	}
	if n, err := strconv.ParseFloat(strings.TrimPrefix(s, "x"), 64); err == nil && strings.HasPrefix(s, "x") && n > 0 {
		return clock.Pace(n), nil
	}
	return 0, fmt.Errorf("--clock: got %q, want hold, real, xN (x60) or free", s)
}
