// Buildassets builds the programs that a twin runs as child processes (see package assets) from the modules that
// the modules in tools/ pin, once per version and machine, and places them in a folder.
//
// They are built into the user's cache, so that a second checkout builds nothing: each into a temporary file, flushed to
// the disk, run to see whether it says the right version, renamed, and only then named in the manifest. Whatever
// interrupts a build leaves no entry, and what has no entry is built again. A lock keeps two builds apart. What the
// folder of $KUBEBUILDER_ASSETS holds in a version that fits is taken from there instead.
//
// They are built with the overlay that cmd/internal/overlay has made, so that the API servers of a twin can follow its
// time.
//
// Use: buildassets -tools tools -overlay .build/overlay -bin bin.
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
	tools := flag.String("tools", "tools", "folder of the modules that pin the programs")
	overlay := flag.String("overlay", filepath.Join(".build", "overlay"), "folder of the overlay of the standard library")
	bin := flag.String("bin", "bin", "folder to place them in")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, workshop{*tools, *overlay}, *bin); err != nil {
		fmt.Fprintln(os.Stderr, "assets:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, w workshop, bin string) error {
	lookup := assets.Lookup{Getenv: os.Getenv}
	dir := lookup.CacheDir()
	if dir == "" {
		return fmt.Errorf("neither XDG_CACHE_HOME nor HOME is set: there is no place for a cache")
	}
	report := func(format string, args ...any) { fmt.Fprintf(os.Stderr, "assets: "+format+"\n", args...) }
	c := &cache{dir: dir, recipe: w.recipe, compile: w.build, report: report}
	given, wanted := givenBy(ctx, lookup, bin)
	if err := c.fill(ctx, wanted); err != nil {
		return err
	}
	placed := 0
	for _, p := range assets.Programs {
		from, ok := given[p.Name]
		if !ok {
			from = filepath.Join(dir, p.Name)
		}
		fresh, err := place(from, filepath.Join(bin, p.Name))
		if err != nil {
			return err
		}
		if fresh {
			placed++
		}
	}
	if placed > 0 {
		report("%d programs (Kubernetes %s, etcd %s, govc %s) placed in %s", placed, assets.Kubernetes, assets.Etcd, assets.Govmomi, bin)
	}
	return nil
}

// givenBy returns the paths of the programs that the folder of $KUBEBUILDER_ASSETS holds, and the programs that are left
// to build. The folder that we fill ourselves gives nothing: it may hold the programs of another version.
func givenBy(ctx context.Context, l assets.Lookup, bin string) (given map[string]string, wanted []assets.Program) {
	given = map[string]string{}
	for _, p := range assets.Programs {
		b, err := l.Locate(ctx, p.Name)
		if err != nil || b.Source != assets.FromEnv || sameFolder(filepath.Dir(b.Path), bin) {
			wanted = append(wanted, p)
			continue
		}
		given[p.Name] = b.Path
	}
	return given, wanted
}

func sameFolder(a, b string) bool {
	x, errA := os.Stat(a)
	y, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(x, y)
}
