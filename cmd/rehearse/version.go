package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/rehearse-dev/rehearse/sim/assets"
	"github.com/rehearse-dev/rehearse/sim/clock"
)

// version is set by the build.
var version string

func buildVersion() string {
	if version != "" {
		return version
	}
	if b, ok := debug.ReadBuildInfo(); ok && b.Main.Version != "" {
		return b.Main.Version
	}
	return "(devel)"
}

// components are the modules whose behaviour a twin shows.
var components = []struct{ name, module string }{
	{"cluster-api", "sigs.k8s.io/cluster-api"},
	{"cluster-api-provider-vsphere", "sigs.k8s.io/cluster-api-provider-vsphere"},
	{"govmomi", "github.com/vmware/govmomi"},
}

func versionCommand(e *env) *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:     "version",
		Short:   "Say which versions this program is made of",
		Example: "  rehearse version -o json",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			l := versions()
			switch format {
			case "text":
				for _, v := range l {
					fmt.Fprintf(e.stdout, "%-28s  %s\n", v.Name, v.Version)
				}
				return nil
			case "json":
				m := map[string]string{}
				for _, v := range l {
					m[v.Name] = v.Version
				}
				return json.NewEncoder(e.stdout).Encode(m)
			}
			return usage(c, fmt.Errorf("--output: got %q, want text or json", format))
		},
	}
	c.Flags().StringVarP(&format, "output", "o", "text", "`FORMAT` text or json")
	return c
}

type named struct{ Name, Version string }

func versions() []named {
	l := []named{{"rehearse", buildVersion()}, {"go", runtime.Version()}, {"platform", runtime.GOOS + "/" + runtime.GOARCH}}
	modules := map[string]string{}
	if b, ok := debug.ReadBuildInfo(); ok {
		for _, m := range b.Deps {
			modules[m.Path] = m.Version
		}
	}
	for _, c := range components {
		l = append(l, named{c.name, modules[c.module]})
	}
	l = append(l, named{"kubernetes", assets.Kubernetes})
	now := "wall time (a plain build)"
	if clock.VirtualNow {
		now = "site time"
	}
	return append(l, named{"time.Now follows", now})
}
