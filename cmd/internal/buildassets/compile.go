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

// source is what a program is built from.
type source struct {
	module string // folder of the module that pins it, within tools/
	main   string // package
	stamps func(version string) []string
}

var sources = map[string]source{
	"etcd":                    {".", "go.etcd.io/etcd/server/v3", noStamps},
	"govc":                    {"govc", "github.com/rehearse-dev/rehearse/tools/govc", govmomiStamps},
	"kube-apiserver":          {".", "k8s.io/kubernetes/cmd/kube-apiserver", kubernetesStamps},
	"kube-controller-manager": {".", "k8s.io/kubernetes/cmd/kube-controller-manager", kubernetesStamps},
	"kube-scheduler":          {".", "k8s.io/kubernetes/cmd/kube-scheduler", kubernetesStamps},
	"kubectl":                 {".", "k8s.io/kubernetes/cmd/kubectl", kubernetesStamps},
}

func noStamps(string) []string { return nil }

func govmomiStamps(version string) []string {
	return []string{"github.com/vmware/govmomi/cli/flags.BuildVersion=" + version}
}

// kubernetesStamps are those of Kubernetes' own build; without them the programs call themselves v0.0.0-master and
// refuse some of their version checks.
func kubernetesStamps(version string) []string {
	const pkg = "k8s.io/component-base/version."
	parts := strings.Split(strings.TrimPrefix(version, "v"), ".")
	return []string{
		pkg + "gitVersion=" + version, pkg + "gitMajor=" + parts[0], pkg + "gitMinor=" + parts[1],
		pkg + "gitTreeState=clean", pkg + "gitCommit=rehearse",
	}
}

func ldflags(p assets.Program) string {
	flags := "-s -w"
	for _, s := range sources[p.Name].stamps(p.Version) {
		flags += " -X " + s
	}
	return flags
}

// recipeOf is a digest of everything that decides what the binary is: the pins, our own sources, and how we build.
func recipeOf(tools string, p assets.Program) (string, error) {
	src := sources[p.Name]
	files, err := filepath.Glob(filepath.Join(tools, src.module, "*.*"))
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s %d\n%s", filepath.Base(file), len(b), b)
	}
	fmt.Fprintf(h, "%s %s %s\n", p.Name, src.main, ldflags(p))
	return hex.EncodeToString(h.Sum(nil)), nil
}

// goBuild builds p into the file out. Cancelling ctx interrupts the go command, which removes what it began.
func goBuild(ctx context.Context, tools string, p assets.Program, out string) error {
	src := sources[p.Name]
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", ldflags(p), "-o", out, src.main)
	cmd.Dir = filepath.Join(tools, src.module)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS="+plainFlags(os.Getenv("GOFLAGS")))
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("interrupted; what was finished is kept, to go on: %s", assets.Mend)
		}
		return fmt.Errorf("go build %s: %w", src.main, err)
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
