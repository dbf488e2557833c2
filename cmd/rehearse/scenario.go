package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/rehearse-dev/rehearse/cmd/internal/rehearsal"
	"github.com/rehearse-dev/rehearse/cmd/internal/suite"
	"github.com/rehearse-dev/rehearse/runner"
	"github.com/rehearse-dev/rehearse/runner/journal"
)

// scenarioCommand is the process that rehearse test starts for each scenario. What it says goes into a log; what becomes
// of the run is in the journal.
func scenarioCommand(e *env) *cobra.Command {
	c := rehearsal.Config{Version: buildVersion()}
	cmd := &cobra.Command{
		Use:     "scenario FILE NAME --dir DIRECTORY",
		Short:   "Run one scenario; for rehearse test to call",
		Example: `  rehearse scenario scenarios/vsphere/upgrade_test.star "one machine of each kind" --dir runs/one`,
		Hidden:  true,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			c.Command = (&testFlags{seed: c.Seed}).repeatOne(args[0], args[1])
			return e.scenario(cmd.Context(), args[0], args[1], c)
		},
	}
	cmd.Flags().StringVar(&c.Dir, "dir", "", "run `DIRECTORY`")
	cmd.Flags().StringVar(&c.Snapshot, "warm", "", "`DIRECTORY` of warm worlds, shared by the scenarios of a suite")
	cmd.Flags().Uint64Var(&c.Seed, "seed", 1, "the seed of a scenario that has none of its own")
	return cmd
}

func (e *env) scenario(ctx context.Context, file, name string, c rehearsal.Config) error {
	s, err := suite.Find(file, name)
	if err != nil {
		return err
	}
	r, err := rehearsal.LoadScenario(s, c)
	if err != nil {
		return err
	}
	binaries, err := e.lookup.Find(ctx)
	if err != nil {
		return err
	}
	dir, err := openRunDir(c.Dir)
	if err != nil {
		return err
	}
	defer dir.close()
	p := e.progress(false)
	for _, w := range r.Warnings() {
		p.warn(w)
	}
	res, err := r.Run(ctx, rehearsal.Surroundings{Binaries: binaries, Log: dir.log, Boot: p.boot,
		Listen: func(*journal.Writer, func() time.Time, func() time.Time) {}})
	if err = errors.Join(ctx.Err(), err); err != nil {
		return err
	}
	if res.ExitCode != runner.ExitPass {
		return &exit{res.ExitCode}
	}
	return nil
}
