package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rehearse-dev/rehearse/dsl/diag"
	"github.com/rehearse-dev/rehearse/runner"
	"github.com/rehearse-dev/rehearse/runner/report"
	"github.com/rehearse-dev/rehearse/sim"
)

// verbs is the table of commands, in the order of the help.
var verbs = []func(*env) *cobra.Command{
	runCommand,
	upCommand,
	testCommand,
	scenarioCommand,
	lintCommand,
	reportCommand,
	explainCommand,
	doctorCommand,
	versionCommand,
	completionCommand,
}

const long = `rehearse runs an upgrade runbook, written in Starlark, on a digital twin of the site: real API servers and real
Cluster API controllers over simulated machines. Faults can be injected. Nothing that it does leaves this machine.

Exit codes: 0 pass, 1 fail, 2 usage or a file that cannot be loaded, 3 error: the testbed broke, or the run proves
nothing (a fault never fired, an invariant saw nothing), 4 stopped by the user, 5 blocked by the runbook before any
write.`

// run is the program without its process: it returns the exit code.
func run(ctx context.Context, args []string, e *env) int {
	root := &cobra.Command{Use: "rehearse", Short: "Rehearse a cluster upgrade on a digital twin of the site", Long: long,
		SilenceErrors: true, SilenceUsage: true, DisableSuggestions: true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true}}
	root.SetArgs(args)
	root.SetOut(e.stdout)
	root.SetErr(e.stderr)
	root.SetFlagErrorFunc(unknownFlag)
	for _, v := range verbs {
		root.AddCommand(v(e))
	}
	err := root.ExecuteContext(ctx)
	if err == nil {
		return runner.ExitPass
	}
	if strings.HasPrefix(err.Error(), "unknown command") { // cobra has no type for it
		err = unknownVerb(root, err, args[0])
	}
	code := exitCode(ctx, err)
	if said := (*exit)(nil); !errors.As(err, &said) {
		e.explain(err, code)
		if wantsJSON(args) {
			e.notBegun(root, args, code, strings.TrimSuffix(diag.Text(err), "\n"))
		}
	}
	return code
}

// notBegun prints the one object of a verb that has one, for something that did not begin.
func (e *env) notBegun(root *cobra.Command, args []string, code int, message string) {
	verb, _, err := root.Find(args)
	if err != nil {
		return
	}
	switch verb.Name() { // what cannot be written has no other reader
	case "run":
		_, _ = e.stdout.Write(report.NotBegun(code, message))
	case "test":
		_, _ = e.stdout.Write(report.SuiteNotBegun(message))
	}
}

// wantsJSON tells whether whoever called waits for an object, also when the command line is such that it was not
// understood.
func wantsJSON(args []string) bool {
	for i, a := range args {
		switch a {
		case "-ojson", "-o=json", "--output=json":
			return true
		case "-o", "--output":
			return i+1 < len(args) && args[i+1] == "json"
		}
	}
	return false
}

// exit ends the program with a code; what there is to say has been said.
type exit struct{ code int }

func (e *exit) Error() string { return fmt.Sprintf("exit %d", e.code) }

// usageError is a command line that makes no sense.
type usageError struct {
	err        error
	hint, help string // hint may be empty
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usage(c *cobra.Command, err error) error {
	return &usageError{err: err, help: c.CommandPath() + " --help"}
}

func unknownVerb(root *cobra.Command, err error, verb string) error {
	var names []string
	for _, c := range root.Commands() {
		names = append(names, c.Name())
	}
	return &usageError{err, diag.DidYouMean(verb, names), root.CommandPath() + " --help"}
}

var flagName = regexp.MustCompile(`--[a-z-]+`)

// unknownFlag adds the flag that was meant, if one is near.
func unknownFlag(c *cobra.Command, err error) error {
	u := &usageError{err: err, help: c.CommandPath() + " --help"}
	if name, ok := strings.CutPrefix(err.Error(), "unknown flag: "); ok { // pflag is not ours to import for its type
		u.hint = diag.DidYouMean(name, flagName.FindAllString(c.Flags().FlagUsages(), -1))
	}
	return u
}

// noArgs and exactly are cobra's checks with our kind of error.
func noArgs(c *cobra.Command, args []string) error { return exactly(0, "")(c, args) }

func exactly(n int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == n {
			return nil
		}
		if n == 0 {
			return usage(c, fmt.Errorf("got %q, want no arguments", strings.Join(args, " ")))
		}
		return usage(c, fmt.Errorf("got %d arguments, want one: %s", len(args), what))
	}
}

// exitCode weighs an error as the table of exit codes has it.
func exitCode(ctx context.Context, err error) int {
	var (
		said   *exit
		misuse *usageError
		input  *sim.InputError // one that only the booting twin has found
	)
	switch {
	case errors.As(err, &said):
		return said.code
	case errors.As(err, &misuse), errors.As(err, &input), diag.Invalid(err):
		return runner.ExitUsage
	case ctx.Err() != nil: // whatever broke in a boot that is cut short
		return runner.ExitStopped
	}
	return runner.ExitError
}

// explain prints an error on stderr: what, where, and what to do next.
func (e *env) explain(err error, code int) {
	text := strings.TrimSuffix(diag.Text(err), "\n")
	switch code {
	case runner.ExitStopped:
		text = "stopped"
	case runner.ExitError:
		text = "testbed error: " + text
	}
	fmt.Fprintln(e.stderr, text)
	if u := (*usageError)(nil); errors.As(err, &u) {
		if u.hint != "" {
			fmt.Fprintln(e.stderr, "hint: "+u.hint)
		}
		fmt.Fprintln(e.stderr, "next: "+u.help)
	}
	if diag.Invalid(err) {
		fmt.Fprintln(e.stderr, "nothing was started")
	}
}
