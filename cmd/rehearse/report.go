package main

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/rehearse-dev/rehearse/runner/journal"
	"github.com/rehearse-dev/rehearse/runner/report"
)

func reportCommand(e *env) *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:     "report RUNDIR",
		Short:   "Show the report of a run again",
		Long:    `Report reads the journal in a run directory and shows what happened. It starts nothing; a run that was killed has a report too.`,
		Example: `  rehearse report runs/prod-a-20261121-020000.000`,
		Args:    exactly(1, "the run directory"),
		RunE: func(c *cobra.Command, args []string) error {
			if !slices.ContainsFunc(report.Formats, func(f report.Format) bool { return f.Name == format }) {
				return usage(c, fmt.Errorf("--output: got %q, want text or json", format))
			}
			r, err := journal.ReadFile(filepath.Join(args[0], journal.FileName))
			if err != nil {
				return usage(c, err)
			}
			return e.show(r, format)
		},
	}
	c.Flags().StringVarP(&format, "output", "o", "text", "`FORMAT` text or json")
	return c
}
