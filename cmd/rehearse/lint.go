package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rehearse-dev/rehearse/dsl/diag"
	"github.com/rehearse-dev/rehearse/dsl/lint"
	"github.com/rehearse-dev/rehearse/runner"
)

func lintCommand(e *env) *cobra.Command {
	return &cobra.Command{
		Use:     "lint FILE…",
		Short:   "Check runbooks, worlds and scenarios without starting anything",
		Long:    `Lint loads each file and applies its rules. Errors end with exit code 2; warnings alone do not.`,
		Example: `  rehearse lint scenarios/vsphere/upgrade.star scenarios/vsphere/prod-a.world.star`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage(c, errors.New("got no file, want at least one"))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			bad := false
			for _, file := range args {
				found := lint.File(file)
				for _, d := range found {
					bad = bad || d.Severity != diag.Warning
				}
				if len(found) > 0 {
					fmt.Fprint(e.stdout, diag.Text(found))
				}
			}
			if bad {
				return &exit{runner.ExitUsage}
			}
			return nil
		},
	}
}
