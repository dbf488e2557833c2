package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/rehearse-dev/rehearse/sim/assets"
)

// mainPackages says what each program is built from.
var mainPackages = map[string]string{
	"etcd":                    "go.etcd.io/etcd/server/v3",
	"kube-apiserver":          "k8s.io/kubernetes/cmd/kube-apiserver",
	"kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
	"kube-scheduler":          "k8s.io/kubernetes/cmd/kube-scheduler",
	"kubectl":                 "k8s.io/kubernetes/cmd/kubectl",
}

// ldflags stamps what Kubernetes' own build stamps; without it the programs call themselves v0.0.0-master and refuse
// some of their version checks.
func ldflags(p assets.Program) string {
	const pkg = "k8s.io/component-base/version."
	parts := strings.Split(strings.TrimPrefix(p.Version, "v"), ".")
	flags := []string{"-s", "-w"}
	for _, kv := range [][2]string{
		{"gitVersion", p.Version}, {"gitMajor", parts[0]}, {"gitMinor", parts[1]},
		{"gitTreeState", "clean"}, {"gitCommit", "rehearse"},
	} {
		flags = append(flags, "-X", pkg+kv[0]+"="+kv[1])
	}
	return strings.Join(flags, " ")
}

// recipeOf is a digest of everything that decides what the binaries are: the pins, and how we build.
func recipeOf(tools string) (string, error) {
	h := sha256.New()
	for _, name := range []string{"go.mod", "go.sum"} {
		b, err := os.ReadFile(filepath.Join(tools, name))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s %d\n%s", name, len(b), b)
	}
	for _, p := range assets.Programs {
		fmt.Fprintf(h, "%s %s %s\n", p.Name, mainPackages[p.Name], ldflags(p))
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// goBuild builds p into the file out. Cancelling ctx interrupts the go command, which removes what it began.
func goBuild(ctx context.Context, tools string, p assets.Program, out string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", ldflags(p), "-o", out, mainPackages[p.Name])
	cmd.Dir = tools
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS="+plainFlags(os.Getenv("GOFLAGS")))
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("interrupted; what was finished is kept, to go on: %s", assets.Mend)
		}
		return fmt.Errorf("go build %s: %w", mainPackages[p.Name], err)
	}
	return nil
}

// plainFlags drops from GOFLAGS what belongs to our own build alone: these programs run on the machine's clock.
func plainFlags(goflags string) string {
	kept := []string{"-buildvcs=false"}
	for _, f := range strings.Fields(goflags) {
		name := strings.TrimPrefix(strings.TrimPrefix(f, "-"), "-")
		name, _, _ = strings.Cut(name, "=")
		switch name {
		case "overlay", "tags", "buildvcs":
		default:
			kept = append(kept, f)
		}
	}
	return strings.Join(kept, " ")
}
