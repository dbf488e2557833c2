package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rehearse-dev/rehearse/cmd/internal/suite"
	"github.com/rehearse-dev/rehearse/runner"
	"github.com/rehearse-dev/rehearse/runner/journal"
	"github.com/rehearse-dev/rehearse/runner/report"
)

// testFlags are the flags of `rehearse test`.
type testFlags struct {
	run, shard, dir, output, junit, level, html string
	jobs, repeat                                int
	seed                                        uint64
	patience                                    time.Duration
	failFast, rerunFailed, list, quiet          bool
}

// silence is the real time after which a scenario that shows no sign of life is taken for hung.
const silence = 4 * time.Minute

func testCommand(e *env) *cobra.Command {
	var f testFlags
	c := &cobra.Command{
		Use:   "test PATH…",
		Short: "Run the scenarios of files, each on a twin of its own",
		Long: `Test runs the scenarios that the files declare, those of a directory's *_test.star, and compares each with what it
expects: pass, fail (it ended in another way) or error (it proves nothing: the testbed broke, a fault never fired, the
world was not well before). They run in the order of files and declarations, --jobs at once.

Each runs in a process of its own; one that is killed or hangs is an error with its log and journal kept, and the others
go on. The results are in runs/<suite>-<time>: a folder for each scenario, and result.json.

--shard I/N runs every Nth from the Ith on. --shard job is for the pods of a Kubernetes Indexed Job: it reads
JOB_COMPLETION_INDEX, which Kubernetes sets, and JOB_COMPLETIONS, which the manifest sets to the Job's completions.

Exit codes: 0 all pass, 1 some fail, 3 some error (which outweighs a fail), 2 usage or a file that is wrong, 4 stopped by
the user.`,
		Example: `  rehearse test scenarios
  rehearse test scenarios/vsphere/upgrade_test.star --run 'etcd|quorum' --jobs 2
  rehearse test scenarios --rerun-failed
  rehearse test scenarios/vsphere/upgrade_test.star --run '^one machine of each kind$' --repeat 3`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage(c, errors.New("got no path, want files or directories with scenarios"))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return f.test(c, e, args) },
	}
	fs := c.Flags()
	fs.StringVar(&f.run, "run", "", "only scenarios whose name or tag matches `REGEX`")
	fs.StringVar(&f.shard, "shard", "", "only a part of them: `I/N`, or job")
	fs.BoolVar(&f.rerunFailed, "rerun-failed", false, "only those that were no pass in the newest results of this suite in runs/")
	fs.BoolVar(&f.list, "list", false, "print the names of those and run nothing")
	fs.IntVar(&f.jobs, "jobs", 0, "how many run at once (default: by cores and memory)")
	fs.IntVar(&f.repeat, "repeat", 1, "run each so often with its seed; what differs is a fail")
	fs.BoolVar(&f.failFast, "fail-fast", false, "begin no more after the first that is no pass")
	fs.Uint64Var(&f.seed, "seed", 1, "what names, jitter and the choice of targets are drawn from, where a scenario has no seed")
	fs.DurationVar(&f.patience, "timeout", 20*time.Minute, "how long one run may take, in real `TIME`")
	fs.StringVar(&f.dir, "dir", "", "`DIRECTORY` of the results (default runs/<suite>-<time>)")
	fs.StringVar(&f.junit, "junit", "", "also write the result as JUnit into `FILE`")
	fs.StringVar(&f.level, "junit-level", "scenario", "how fine that is: `LEVEL` scenario, step (they are test cases as well) or write (these, too)")
	fs.StringVar(&f.html, "html", "", "also write pages into `DIRECTORY`: index.html and one for each scenario")
	fs.StringVarP(&f.output, "output", "o", "text", "what stdout gets: `FORMAT` text or json")
	fs.BoolVar(&f.quiet, "quiet", false, "no progress on stderr")
	return c
}

func (f *testFlags) test(c *cobra.Command, e *env, paths []string) error {
	s, err := f.selection(e)
	if err != nil {
		return usage(c, err)
	}
	files, err := suite.Files(paths)
	if err != nil {
		return usage(c, err)
	}
	name, all, err := suite.Load(files, f.seed)
	if err != nil {
		return err
	}
	// A shard of nothing is well, but not one of a suite in which nothing is meant.
	if len(suite.Selection{Run: s.Run}.Of(all)) == 0 {
		return usage(c, fmt.Errorf("--run: got no scenario that matches %q, of %d", f.run, len(all)))
	}
	if f.rerunFailed {
		if s.Only, err = suite.Failed("runs", name); err != nil {
			return usage(c, fmt.Errorf("--rerun-failed: %w", err))
		}
		if len(s.Only) > 0 && len(suite.Selection{Run: s.Run, Only: s.Only}.Of(all)) == 0 {
			return usage(c, fmt.Errorf("--rerun-failed: got %d that were no pass, %q the first, and none of them among those that are asked for", len(s.Only), s.Only[0]))
		}
	}
	items := s.Of(all)
	if f.list {
		for _, i := range items {
			fmt.Fprintln(e.stdout, i.ID())
		}
		return nil
	}
	return f.rehearse(c, e, paths, name, items, s.Shard)
}

// selection reads the flags that choose, and refuses those that make no sense.
func (f *testFlags) selection(e *env) (s suite.Selection, err error) {
	if f.run != "" {
		if s.Run, err = regexp.Compile(f.run); err != nil {
			return s, fmt.Errorf("--run: %w", err)
		}
	}
	if s.Shard, err = suite.ParseShard(f.shard, e.getenv); err != nil {
		return s, fmt.Errorf("--shard: %w", err)
	}
	switch {
	case !slices.ContainsFunc(report.SuiteFormats, func(x report.SuiteFormat) bool { return x.Name == f.output }):
		return s, fmt.Errorf("--output: got %q, want text or json", f.output)
	case !slices.Contains(report.JUnitLevels, f.level):
		return s, fmt.Errorf("--junit-level: got %q, want one of %s", f.level, strings.Join(report.JUnitLevels, ", "))
	case f.jobs < 0:
		return s, fmt.Errorf("--jobs: got %d, want a number from 1 on", f.jobs)
	case f.repeat < 1:
		return s, fmt.Errorf("--repeat: got %d, want a number from 1 on", f.repeat)
	case f.patience <= 0:
		return s, fmt.Errorf("--timeout: got %s, want a positive duration", f.patience)
	}
	return s, nil
}

// rehearse runs the items and reports.
func (f *testFlags) rehearse(c *cobra.Command, e *env, paths []string, name string, items []*suite.Item, shard suite.Shard) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	if f.dir == "" {
		f.dir = suite.DirOf("runs", name, time.Now())
	}
	if err := nothingIn(f.dir); err != nil {
		return usage(c, fmt.Errorf("--dir: %w", err))
	}
	if _, err := e.lookup.Find(c.Context()); err != nil && len(items) > 0 {
		return err
	}
	if err := errors.Join(os.MkdirAll(f.dir, 0o700), f.tryOutputs()); err != nil {
		return usage(c, err)
	}
	if f.jobs == 0 {
		f.jobs = suite.DefaultJobs(runtime.GOMAXPROCS(0), suite.Memory())
	}
	warm := filepath.Join(f.dir, ".warm") // keys are in it, and it is of no use to anybody but this suite
	defer os.RemoveAll(warm)
	watch := e.suiteProgress(f.quiet, len(items))
	begin := time.Now()
	r := suite.Runner{Jobs: f.jobs, Repeat: f.repeat, FailFast: f.failFast, Dir: f.dir, Limits: suite.Limits{Whole: f.patience, Silence: silence}, Watch: watch,
		Command: func(i *suite.Item, dir string) []string {
			return []string{program, "scenario", i.File, i.Scenario.Name, "--dir", dir, "--warm", warm, "--seed", fmt.Sprint(f.seed)}
		},
		RepeatCommand: func(i *suite.Item) []string { return f.repeatOne(i.File, i.Scenario.Name) },
	}
	result := &report.Suite{Command: f.command(paths, shard), Version: buildVersion(), Seed: f.seed, Started: begin, Shard: shard.String()}
	result.Cases = r.Run(c.Context(), items)
	result.WallSeconds = journal.Seconds(time.Since(begin))
	watch.close()
	return f.conclude(c, e, result)
}

// nothingIn refuses a directory in which anything is, as of a suite that was killed: results are not mixed.
func nothingIn(dir string) error {
	files, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err == nil && len(files) > 0:
		return fmt.Errorf("%s is not empty: it holds %s", dir, files[0].Name())
	}
	return err
}

// tryOutputs empties what the result will be written to: it can be written, and an old one is not taken for this one's.
func (f *testFlags) tryOutputs() error {
	if f.junit != "" {
		if err := os.WriteFile(f.junit, nil, 0o644); err != nil {
			return fmt.Errorf("--junit: %w", err)
		}
	}
	if f.html != "" {
		if err := errors.Join(os.MkdirAll(f.html, 0o755), os.WriteFile(filepath.Join(f.html, "index.html"), nil, 0o644)); err != nil {
			return fmt.Errorf("--html: %w", err)
		}
	}
	return nil
}

// conclude keeps the result, shows it and turns it into an exit code. What cannot be written is told, and is an error of
// its own only where all else is well.
func (f *testFlags) conclude(c *cobra.Command, e *env, s *report.Suite) error {
	i := slices.IndexFunc(report.SuiteFormats, func(x report.SuiteFormat) bool { return x.Name == f.output })
	b, err := report.SuiteFormats[i].Write(s)
	if err == nil {
		_, err = e.stdout.Write(b)
	}
	err = errors.Join(err, suite.Save(f.dir, s), f.publish(e, s))
	if err != nil {
		e.explain(err, runner.ExitError)
	}
	if !f.quiet {
		fmt.Fprintln(e.stderr, "results  "+f.dir)
	}
	switch verdict := s.Verdict(); {
	case c.Context().Err() != nil:
		return &exit{runner.ExitStopped}
	case verdict == journal.Fail:
		return &exit{runner.ExitFail}
	case verdict == journal.Error || err != nil:
		return &exit{runner.ExitError}
	}
	return nil
}

// publish writes what others than the caller read: JUnit, pages, and what the CI system of this environment wants.
func (f *testFlags) publish(e *env, s *report.Suite) error {
	var errs []error
	if f.junit != "" {
		b, err := report.JUnit(s, f.level)
		errs = append(errs, err, os.WriteFile(f.junit, b, 0o644))
	}
	if f.html != "" {
		pages, err := report.SuiteHTML(s)
		errs = append(errs, err, os.MkdirAll(f.html, 0o755))
		for name, b := range pages {
			errs = append(errs, os.WriteFile(filepath.Join(f.html, name), b, 0o644))
		}
	}
	notes, err := report.Annotations(s, e.getenv)
	errs = append(errs, err)
	for _, n := range notes {
		errs = append(errs, e.annotate(n))
	}
	return errors.Join(errs...)
}

// annotate puts a note where the CI system reads it.
func (e *env) annotate(n report.Annotation) error {
	if n.File == "" {
		_, err := e.stderr.Write(n.Text)
		return err
	}
	how := os.O_CREATE | os.O_WRONLY | os.O_TRUNC
	if n.Append {
		how = os.O_CREATE | os.O_WRONLY | os.O_APPEND
	}
	f, err := os.OpenFile(n.File, how, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(n.Text)
	return errors.Join(err, f.Close())
}

// command is what repeats the suite.
func (f *testFlags) command(paths []string, shard suite.Shard) []string {
	l := append([]string{"rehearse", "test"}, paths...)
	if f.run != "" {
		l = append(l, "--run", f.run)
	}
	if shard.Count > 0 { // not "job", which only a pod of one can repeat
		l = append(l, "--shard", shard.String())
	}
	if f.rerunFailed {
		l = append(l, "--rerun-failed")
	}
	return append(l, f.alike()...)
}

// repeatOne is what repeats one scenario of it, as often: what differs is seen only then.
func (f *testFlags) repeatOne(file, name string) []string {
	return append([]string{"rehearse", "test", file, "--run", "^" + regexp.QuoteMeta(name) + "$"}, f.alike()...)
}

// alike are the flags that decide what becomes of a scenario.
func (f *testFlags) alike() []string {
	var l []string
	if f.repeat > 1 {
		l = append(l, "--repeat", fmt.Sprint(f.repeat))
	}
	return append(l, "--seed", fmt.Sprint(f.seed))
}
