// Bench measures the promises about speed and memory: it rehearses the shipped upgrade on a world of three control-plane
// and three worker machines, several times, each in a process of its own, and prints medians with their breakdown; then
// scenarios on warm worlds; then the shipped suite, once.
//
// Use: bench [-n 5] [-only run|warm|suite]. It needs the control-plane binaries, as the tests do, and bin/rehearse.
package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/rehearse-dev/rehearse/cmd/internal/rehearsal"
)

func main() {
	n := flag.Int("n", 5, "how many runs")
	only := flag.String("only", "", "one part only: run, warm or suite")
	program := flag.String("rehearse", "bin/rehearse", "the program that runs the suite")
	once := flag.Bool("once", false, "one run, as JSON; for the program itself")
	fork := flag.String("fork", "", "a scenario up to its first step, on the world in this directory; for the program itself")
	dir := flag.String("dir", "", "run directory of -fork")
	flag.Parse()
	do := func() error { return parts(*only, *n, *program) }
	if *once || *fork != "" {
		rehearsal.CollectLess(os.Getenv)
		do = runOnce
	}
	if *fork != "" {
		do = func() error { return runFork(*fork, *dir) }
	}
	if err := do(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// sample is one run. Durations are in seconds, memory in MiB.
type sample struct {
	Figures map[string]float64 // by name, as targets and breakdown know them
}

// target is a promise.
type target struct {
	name, unit string
	atMost     bool
	want, next float64
}

// targets are the promises.
var targets = []target{
	{"twin ready", "s", true, 10, 10},
	{"rehearse run, boot included", "s", true, 45, 30},
	{"site seconds per wall second", "", false, 40, 100},
	{"idle site hour", "s", true, 6, 6},
	{"resident memory, all processes", "MiB", true, 2048, 2048},
}

// forkTargets are those about warm worlds.
var forkTargets = []target{
	{overhead, "s", true, 5, 5},
}

// parts measures all, or the one that is asked for.
func parts(only string, n int, program string) error {
	all := []struct {
		name    string
		measure func() error
	}{
		{"run", func() error { return runs(n) }},
		{"warm", func() error { return runForks(n) }},
		{"suite", func() error { return runSuite(program) }},
	}
	if n < 1 {
		return fmt.Errorf("-n: got %d, want a number from 1 on", n)
	}
	var errs []error
	known := only == ""
	for _, p := range all {
		if only == "" || only == p.name {
			known, errs = true, append(errs, p.measure())
		}
	}
	if !known {
		return fmt.Errorf("-only: got %q, want run, warm or suite", only)
	}
	return errors.Join(errs...)
}

// runs measures whole rehearsals.
func runs(n int) error {
	var samples []sample
	for i := range n {
		fmt.Fprintf(os.Stderr, "run %d of %d\n", i+1, n)
		c := exec.Command(os.Args[0], "-once")
		c.Stderr = os.Stderr
		b, err := c.Output()
		if err != nil {
			return fmt.Errorf("run %d: %w", i+1, err)
		}
		var s sample
		if err := json.Unmarshal(b, &s); err != nil {
			return fmt.Errorf("run %d: %w", i+1, err)
		}
		samples = append(samples, s)
	}
	printReport(n, targets, samples)
	return nil
}

// runForks measures scenarios on a warm world.
func runForks(n int) error {
	samples, err := forks(n)
	if err != nil {
		return err
	}
	printReport(n, forkTargets, samples)
	return nil
}

func printReport(n int, targets []target, samples []sample) {
	fmt.Printf("medians of %d runs (least, most)\n\n", n)
	judge(targets, samples)
	breakdown(samples)
	fmt.Println()
}

// judge prints which promises are kept.
func judge(targets []target, samples []sample) {
	for _, t := range targets {
		v := values(samples, t.name)
		word := "kept"
		if m := median(v); t.atMost && m > t.want || !t.atMost && m < t.want {
			word = "MISSED"
		}
		sign := "at least"
		if t.atMost {
			sign = "at most"
		}
		fmt.Printf("%-44s %8.1f %-4s (%.1f, %.1f)  want %s %g, then %g: %s\n", t.name, median(v), t.unit, v[0], v[len(v)-1], sign, t.want, t.next, word)
	}
}

// breakdown prints what is not a target, grouped by the word before the colon, the largest first.
func breakdown(samples []sample) {
	groups := map[string][]string{}
	for name := range samples[0].Figures {
		if g, _, ok := strings.Cut(name, ": "); ok {
			groups[g] = append(groups[g], name)
		}
	}
	for _, g := range slices.Sorted(maps.Keys(groups)) {
		fmt.Printf("\n%s\n", g)
		slices.SortFunc(groups[g], func(a, b string) int {
			return cmp.Or(cmp.Compare(median(values(samples, b)), median(values(samples, a))), cmp.Compare(a, b))
		})
		for _, name := range groups[g][:min(len(groups[g]), 14)] {
			v := values(samples, name)
			_, label, _ := strings.Cut(name, ": ")
			fmt.Printf("  %-40s %8.1f  (%.1f, %.1f)\n", label, median(v), v[0], v[len(v)-1])
		}
	}
}

// values are the figures of a name, sorted.
func values(samples []sample, name string) []float64 {
	var l []float64
	for _, s := range samples {
		l = append(l, s.Figures[name])
	}
	slices.Sort(l)
	return l
}

func median(sorted []float64) float64 { return sorted[len(sorted)/2] }
