// Buildassets builds the programs that a twin runs as child processes (see package assets) from the modules that
// tools/go.mod pins, once per version and machine, and places them in a folder.
//
// They are built into the user's cache, so that a second checkout builds nothing: each into a temporary file, flushed to
// the disk, run to see whether it says the right version, renamed, and only then named in the manifest. Whatever
// interrupts a build leaves no entry, and what has no entry is built again. A lock keeps two builds apart.
//
// Use: buildassets -tools tools -bin bin.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/rehearse-dev/rehearse/sim/assets"
)

func main() {
	tools := flag.String("tools", "tools", "folder of the module that pins the programs")
	bin := flag.String("bin", "bin", "folder to place them in")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *tools, *bin); err != nil {
		fmt.Fprintln(os.Stderr, "assets:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, tools, bin string) error {
	dir := assets.Lookup{Getenv: os.Getenv}.CacheDir()
	if dir == "" {
		return fmt.Errorf("neither XDG_CACHE_HOME nor HOME is set: there is no place for a cache")
	}
	recipe, err := recipeOf(tools)
	if err != nil {
		return err
	}
	report := func(format string, args ...any) { fmt.Fprintf(os.Stderr, "assets: "+format+"\n", args...) }
	compile := func(ctx context.Context, p assets.Program, out string) error { return goBuild(ctx, tools, p, out) }
	c := &cache{dir: dir, recipe: recipe, compile: compile, report: report}
	if err := c.fill(ctx); err != nil {
		return err
	}
	placed := 0
	for _, p := range assets.Programs {
		fresh, err := place(filepath.Join(dir, p.Name), filepath.Join(bin, p.Name))
		if err != nil {
			return err
		}
		if fresh {
			placed++
		}
	}
	if placed > 0 {
		report("%d binaries of Kubernetes %s and etcd %s placed in %s", placed, assets.Kubernetes, assets.Etcd, bin)
	}
	return nil
}
