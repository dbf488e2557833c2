package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

func completionCommand(e *env) *cobra.Command {
	shells := map[string]func(*cobra.Command) error{
		"bash":       func(c *cobra.Command) error { return c.GenBashCompletionV2(e.stdout, true) },
		"fish":       func(c *cobra.Command) error { return c.GenFishCompletion(e.stdout, true) },
		"powershell": func(c *cobra.Command) error { return c.GenPowerShellCompletionWithDesc(e.stdout) },
		"zsh":        func(c *cobra.Command) error { return c.GenZshCompletion(e.stdout) },
	}
	names := slices.Sorted(maps.Keys(shells))
	return &cobra.Command{
		Use:       "completion " + strings.Join(names, "|"),
		Short:     "Write the completion script of a shell",
		Example:   "  source <(rehearse completion bash)",
		ValidArgs: names,
		Args:      exactly(1, strings.Join(names, ", ")),
		RunE: func(c *cobra.Command, args []string) error {
			write, ok := shells[args[0]]
			if !ok {
				return usage(c, fmt.Errorf("shell: got %q, want %s", args[0], strings.Join(names, ", ")))
			}
			return write(c.Root())
		},
	}
}
