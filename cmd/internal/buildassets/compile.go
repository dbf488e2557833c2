package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
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

// workshop is where the programs are built from.
type workshop struct {
	tools   string // folder of the modules that pin them
	overlay string // folder of the overlay of the standard library; without overlay.json in it they are built plain
}

// overlayFlag is for go build: "" where this toolchain has no overlay.
func (w workshop) overlayFlag() (string, error) {
	file, err := filepath.Abs(filepath.Join(w.overlay, "overlay.json"))
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return "-overlay=" + file, nil
}

// recipe is a digest of everything that decides what the binary is: the pins, our own sources, what the overlay puts
// into the standard library, and how we build.
func (w workshop) recipe(p assets.Program) (string, error) {
	src := sources[p.Name]
	files, err := filepath.Glob(filepath.Join(w.tools, src.module, "*.*"))
	if err != nil {
		return "", err
	}
	texts, err := filepath.Glob(filepath.Join(w.overlay, "*.txt"))
	if err != nil {
		return "", err
	}
	files = append(files, texts...)
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

// build builds p into the file out. Cancelling ctx interrupts the go command, which removes what it began. All programs
// get the overlay, so that they share one build cache; only those that are told where site time is follow it.
func (w workshop) build(ctx context.Context, p assets.Program, out string) error {
	overlay, err := w.overlayFlag()
	if err != nil {
		return err
	}
	src := sources[p.Name]
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", ldflags(p), "-o", out, src.main)
	cmd.Dir = filepath.Join(w.tools, src.module)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS="+plainFlags(os.Getenv("GOFLAGS"))+" "+overlay)
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

// plainFlags drops from GOFLAGS what belongs to our own build alone.
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
