package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/rehearse-dev/rehearse/runner"
	"github.com/rehearse-dev/rehearse/sim/assets"
	"github.com/rehearse-dev/rehearse/sim/clock"
	"github.com/rehearse-dev/rehearse/sim/manifests"
)

// finding is the answer to one question of the doctor.
type finding struct {
	what, is string
	mend     string // the command that mends it; empty: nothing to mend
	fatal    bool   // no twin can run
}

func doctorCommand(e *env) *cobra.Command {
	return &cobra.Command{
		Use:     "doctor",
		Short:   "Say what a twin needs, what is missing and the command that mends it",
		Example: "  rehearse doctor",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			fatal := false
			for _, f := range e.examine(c.Context()) {
				mark := "ok      "
				switch {
				case f.fatal:
					mark, fatal = "missing ", true
				case f.mend != "":
					mark = "note    "
				}
				fmt.Fprintf(e.stdout, "%s  %-24s  %s\n", mark, f.what, f.is)
				if f.mend != "" {
					fmt.Fprintf(e.stdout, "          to mend it: %s\n", f.mend)
				}
			}
			if fatal {
				return &exit{runner.ExitError}
			}
			return nil
		},
	}
}

func (e *env) examine(ctx context.Context) []finding {
	var l []finding
	for _, p := range assets.Programs {
		b, err := e.lookup.Locate(ctx, p.Name)
		needed := !p.Optional
		switch {
		case err != nil && needed:
			l = append(l, finding{p.Name, err.Error(), assets.Mend, true})
		case err != nil:
			l = append(l, finding{p.Name, "not found; a twin runs without it, people and tests use it", assets.Mend, false})
		default:
			got, err := p.Ask(ctx, b.Path)
			if err != nil {
				l = append(l, finding{p.Name, err.Error(), assets.Mend, needed})
				continue
			}
			l = append(l, finding{what: p.Name, is: fmt.Sprintf("%s, %s (%s)", got, b.Path, b.Source)})
		}
	}
	return append(l, examineManifests(), examineClock(), e.examineAPIServer(ctx), examineLoopback(), examineDirectory(e.getenv), examineMachine())
}

func examineManifests() finding {
	crds, err := manifests.CRDs()
	if err != nil {
		return finding{"provider manifests", err.Error(), manifests.Mend, true}
	}
	return finding{what: "provider manifests", is: fmt.Sprintf("%d definitions in the binary", len(crds))}
}

func examineClock() finding {
	if clock.VirtualNow {
		return finding{what: "site time", is: "time.Now of the controllers follows it"}
	}
	return finding{"site time", fmt.Sprintf("a plain build: %d behaviours follow wall time instead", len(clock.WallTimeOnly(false))), "make build", false}
}

// examineAPIServer says whether the API servers follow site time: one that was built for it has the variable's name in it.
func (e *env) examineAPIServer(ctx context.Context) finding {
	const what = "site time of API servers"
	p, err := e.lookup.Locate(ctx, "kube-apiserver")
	if err != nil {
		return finding{what: what, is: "there is no kube-apiserver to ask"}
	}
	b, err := os.ReadFile(p.Path)
	if err == nil && bytes.Contains(b, []byte(clock.PageEnv)) {
		return finding{what: what, is: "creation and deletion timestamps follow it"}
	}
	return finding{what, fmt.Sprintf("%s keeps the machine's time: no MachineHealthCheck, no rolloutAfter", p.Path), assets.Mend + ", without $" + assets.EnvDir, false}
}

func examineLoopback() finding {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return finding{"loopback", err.Error(), "allow listening on 127.0.0.1", true}
	}
	_ = l.Close()
	return finding{what: "loopback", is: "ports can be opened on 127.0.0.1"}
}

func examineDirectory(getenv func(string) string) finding {
	dir, err := os.MkdirTemp(".", ".rehearse-doctor-")
	if err != nil {
		return finding{"run directory", err.Error(), "rehearse run … --dir DIRECTORY", false}
	}
	_ = os.Remove(dir)
	here, err := filepath.Abs(".")
	if err != nil {
		here = getenv("PWD")
	}
	return finding{what: "run directory", is: filepath.Join(here, "runs") + " can be written"}
}

func examineMachine() finding {
	return finding{what: "machine", is: fmt.Sprintf("%d cores; a twin of one cluster wants 2 cores and 2 GiB", runtime.NumCPU())}
}
