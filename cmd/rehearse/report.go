package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/rehearse-dev/rehearse/runner/journal"
	"github.com/rehearse-dev/rehearse/runner/report"
)

func reportCommand(e *env) *cobra.Command {
	var format, page string
	c := &cobra.Command{
		Use:   "report RUNDIR",
		Short: "Show the report of a run again",
		Long: `Report reads the journal in a run directory and shows what happened. It starts nothing; a run that was killed has a report too.
With --html it also writes a page that can be mailed, printed and read without a network or JavaScript.`,
		Example: `  rehearse report runs/prod-a-20261121-020000.000
  rehearse report runs/prod-a-20261121-020000.000 --html report.html`,
		Args: exactly(1, "the run directory"),
		RunE: func(c *cobra.Command, args []string) error {
			if !slices.ContainsFunc(report.Formats, func(f report.Format) bool { return f.Name == format }) {
				return usage(c, fmt.Errorf("--output: got %q, want text or json", format))
			}
			r, err := journal.ReadFile(filepath.Join(args[0], journal.FileName))
			if err != nil {
				return usage(c, err)
			}
			if page != "" {
				if err := writePage(r, page); err != nil {
					return usage(c, fmt.Errorf("--html: %w", err))
				}
			}
			return e.show(r, format)
		},
	}
	c.Flags().StringVarP(&format, "output", "o", "text", "`FORMAT` text or json")
	c.Flags().StringVar(&page, "html", "", "also write the report as a page to `FILE`")
	return c
}

func writePage(r *journal.Run, file string) error {
	b, err := report.HTML(r)
	if err != nil {
		return err
	}
	return os.WriteFile(file, b, 0o644)
}
