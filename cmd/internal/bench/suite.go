package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rehearse-dev/rehearse/runner/report"
	"github.com/rehearse-dev/rehearse/sim/kube"
)

const shippedSuite = "scenarios/vsphere/upgrade_test.star"

// suiteTargets are the promises about the shipped suite, with --jobs at its default.
var suiteTargets = []target{
	{"shipped suite", "s", true, 900, 900},
}

// runSuite runs the shipped suite once, and a quarter of it as a whole and in two shards, one after the other: what the
// shards take more is what sharding costs, their worlds being booted twice.
func runSuite(program string) error {
	all, err := suiteOf(program)
	if err != nil {
		return err
	}
	quarter, err := suiteOf(program, "--shard", "1/4")
	if err != nil {
		return err
	}
	var shards float64
	for _, s := range []string{"1/8", "5/8"} {
		half, err := suiteOf(program, "--shard", s)
		if err != nil {
			return err
		}
		shards += half.wall
	}
	printReport(1, suiteTargets, []sample{{map[string]float64{
		"shipped suite":                                               all.wall,
		"shipped suite: scenarios":                                    float64(all.scenarios),
		"shipped suite: scenarios per minute":                         float64(all.scenarios) / all.wall * 60,
		"shipped suite: MiB of all processes, peak":                   mib(all.peak),
		"a quarter of the suite, seconds: whole":                      quarter.wall,
		"a quarter of the suite, seconds: two shards, one by one":     shards,
		"a quarter of the suite, seconds: overhead of sharding, in %": 100 * (shards - quarter.wall) / quarter.wall,
	}}})
	return nil
}

// suiteRun is what one run of a suite took. Its scenarios need not pass: that is for tests to say.
type suiteRun struct {
	scenarios int
	wall      float64 // seconds
	peak      int64   // bytes in memory, of all processes; a page that several share counts once
}

func suiteOf(program string, args ...string) (r suiteRun, err error) {
	dir, err := os.MkdirTemp("", "rehearse-bench-")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(dir)
	c := exec.Command(program, append([]string{"test", shippedSuite, "-o", "json", "--dir", filepath.Join(dir, "results")}, args...)...)
	c.Stderr = os.Stderr
	var out strings.Builder
	c.Stdout = &out
	start := time.Now()
	if err := c.Start(); err != nil {
		return r, err
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			r.peak = max(r.peak, memoryOf(c.Process.Pid))
			continue
		case err = <-ended:
		}
		break
	}
	r.wall = time.Since(start).Seconds()
	if status := (*exec.ExitError)(nil); err != nil && !errors.As(err, &status) {
		return r, err
	}
	var o report.SuiteObject
	if err := json.Unmarshal([]byte(out.String()), &o); err != nil {
		return r, fmt.Errorf("%s: %w", strings.Join(c.Args, " "), err)
	}
	r.scenarios = len(o.Scenarios)
	if o.Counts.Pass < r.scenarios {
		fmt.Fprintf(os.Stderr, "%d of %d scenarios were no pass\n", r.scenarios-o.Counts.Pass, r.scenarios)
	}
	return r, nil
}

// memoryOf is what a process and all below it hold in memory, in bytes; a page that several share counts once.
func memoryOf(root int) (sum int64) {
	children := map[int][]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range stats {
		b, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(b), ") ") // a name may hold blanks
		pid, err1 := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if f := strings.Fields(rest); err1 == nil && len(f) > 1 {
			if parent, err := strconv.Atoi(f[1]); err == nil {
				children[parent] = append(children[parent], pid)
			}
		}
	}
	for below := []int{root}; len(below) > 0; below = append(below[1:], children[below[0]]...) {
		if u, err := kube.UsageOf(below[0]); err == nil {
			sum += u.PSS
		}
	}
	return sum
}
