package assets

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
)

// The versions that tools/go.mod and tools/govc/go.mod pin. A test compares.
const (
	Kubernetes = "v1.35.4"
	Etcd       = "v3.6.5"
	Govmomi    = "v0.53.0"
)

// A Program is one of the binaries: what it is called, the version wanted, and how to make it say its version.
type Program struct {
	Name     string
	Version  string
	Args     []string // make it print its version
	Optional bool     // a twin runs without it
}

// Programs are all binaries, in the order in which they are built.
var Programs = []Program{
	{Name: "kube-apiserver", Version: Kubernetes, Args: []string{"--version"}},
	{Name: "kube-controller-manager", Version: Kubernetes, Args: []string{"--version"}},
	{Name: "kube-scheduler", Version: Kubernetes, Args: []string{"--version"}},
	{Name: "etcd", Version: Etcd, Args: []string{"--version"}},
	{Name: "kubectl", Version: Kubernetes, Args: []string{"version", "--client"}, Optional: true},
	{Name: "govc", Version: Govmomi, Args: []string{"version"}, Optional: true},
}

var printedVersion = regexp.MustCompile(`(?:Kubernetes|etcd Version:|Client Version:|govc) v?([0-9]+\.[0-9]+\.[0-9]+\S*)`)

// Ask runs the program at path and returns the version that it prints, as "v1.35.4".
func (p Program) Ask(ctx context.Context, path string) (string, error) {
	out, err := exec.CommandContext(ctx, path, p.Args...).Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", path, strings.Join(p.Args, " "), err)
	}
	m := printedVersion.FindSubmatch(out)
	if m == nil {
		return "", fmt.Errorf("%s %s: got %q, want a version", path, strings.Join(p.Args, " "), firstLine(out))
	}
	return "v" + string(m[1]), nil
}

// fits says whether version may stand in for the one wanted: patch releases of one minor mix freely.
func (p Program) fits(version string) bool {
	return minor(version) == minor(p.Version)
}

// minor is "v1.35" of "v1.35.4".
func minor(version string) string {
	return version[:max(strings.LastIndexByte(version, '.'), 0)]
}

func firstLine(b []byte) string {
	line, _, _ := strings.Cut(string(b), "\n")
	return line
}

func program(name string) (Program, error) {
	for _, p := range Programs {
		if p.Name == name {
			return p, nil
		}
	}
	return Program{}, fmt.Errorf("no program %q", name)
}
