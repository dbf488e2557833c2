package suite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rehearse-dev/rehearse/runner/expect"
	"github.com/rehearse-dev/rehearse/runner/journal"
	"github.com/rehearse-dev/rehearse/runner/report"
)

// Runner runs items, several at once.
type Runner struct {
	Jobs     int
	Repeat   int  // how often each is run with its seed; what differs between two runs is a Fail
	FailFast bool // after the first that is no Pass, no more are begun
	Dir      string
	Limits   Limits
	// Command is the process that runs an item in a directory; its first word is the program's path.
	Command func(i *Item, dir string) []string
	// RepeatCommand is what a person types to run the item again.
	RepeatCommand func(i *Item) []string
	Watch         Watch
}

// Watch is told what happens. Its methods may be called from several goroutines.
type Watch interface {
	Begins(i *Item, nth int)
	Does(i *Item, said string, r *journal.Run) // said is what its boot does, before there is a run
	Ended(c *report.Case)
}

// Run runs the items and returns a case for each, in their order. When ctx ends, what runs is stopped and what is left is
// not begun; both are of verdict Skip.
func (r *Runner) Run(ctx context.Context, items []*Item) []*report.Case {
	cases := make([]*report.Case, len(items))
	begin, giveUp := context.WithCancelCause(ctx) // what has begun goes on to its end
	defer giveUp(nil)
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(r.Jobs, len(items)) {
		workers.Go(func() {
			for n := range next {
				if begin.Err() != nil {
					continue
				}
				cases[n] = r.one(ctx, items[n])
				if v := cases[n].Verdict; r.FailFast && (v == journal.Fail || v == journal.Error) {
					giveUp(errFailFast)
				}
				r.Watch.Ended(cases[n])
			}
		})
	}
	for n := range items {
		select {
		case next <- n:
			continue
		case <-begin.Done():
		}
		break
	}
	close(next)
	workers.Wait()
	for n, c := range cases {
		if c == nil {
			cases[n] = r.newCase(items[n])
			cases[n].Verdict, cases[n].Problems = journal.Skip, []string{"not run: " + context.Cause(begin).Error()}
		}
	}
	return cases
}

var errFailFast = errors.New("another scenario was no pass (--fail-fast)")

func (r *Runner) newCase(i *Item) *report.Case {
	s := i.Scenario
	return &report.Case{Name: s.Name, File: i.File, Line: s.Pos.Line, Doc: s.Doc, World: s.World.Name, Faults: i.Faults,
		Expect: s.Expect.String(), Repeat: r.RepeatCommand(i), Times: r.Repeat}
}

// one runs an item as often as was asked for and judges it.
func (r *Runner) one(ctx context.Context, i *Item) *report.Case {
	c := r.newCase(i)
	begin := time.Now()
	var first *attempt
	for n := 1; n <= r.Repeat; n++ {
		dir := filepath.Join(r.Dir, Folder(i))
		if r.Repeat > 1 {
			dir = filepath.Join(dir, fmt.Sprint(n))
		}
		r.Watch.Begins(i, n)
		a := r.attempt(ctx, i, dir)
		if n == 1 {
			first, c.Overhead = a, a.overhead
		} else {
			a.compare(first, fmt.Sprintf("run %d of seed %d", n, i.Seed))
		}
		a.addTo(c)
		if a.verdict == journal.Skip || a.verdict == journal.Error {
			break
		}
	}
	c.WallSeconds = journal.Seconds(time.Since(begin))
	return c
}

// attempt is one run of an item.
type attempt struct {
	dir      string
	run      *journal.Run // nil when it could not begin
	verdict  journal.Verdict
	problems []string
	blamed   string  // the step that is to blame, as expect.Blamed
	overhead float64 // wall seconds before the first step
}

func (r *Runner) attempt(ctx context.Context, i *Item, dir string) *attempt {
	a := &attempt{dir: dir}
	begin := time.Now()
	var broken error
	a.run, broken = r.process(ctx, i, dir)
	a.blamed = expect.Blamed(i.Scenario.Expect, a.run)
	if errors.Is(broken, errStopped) {
		a.verdict, a.problems = journal.Skip, []string{"stopped: " + context.Cause(ctx).Error()}
		return a
	}
	a.verdict, a.problems = expect.Verdict(i.Scenario.Expect, a.run)
	if broken != nil {
		a.verdict, a.problems = journal.Error, append([]string{broken.Error()}, a.problems...)
	}
	a.overhead = journal.Seconds(firstStep(dir, begin).Sub(begin))
	return a
}

// compare makes an attempt that differs from the first one of the same seed a Fail. What is wrong with both was said of
// the first.
func (a *attempt) compare(first *attempt, name string) {
	var l []string
	for _, p := range a.problems {
		if !slices.Contains(first.problems, p) {
			l = append(l, name+": "+p)
		}
	}
	if a.verdict == journal.Pass || a.verdict == journal.Fail {
		if different := expect.Differences(first.run, a.run); len(different) > 0 {
			a.verdict = journal.Fail
			l = append(l, fmt.Sprintf("not the same run twice: %s differs in %s", name, strings.Join(different, "; ")))
		}
	}
	a.problems = l
}

// worse orders the verdicts of attempts: the worst is that of the case, and its run the evidence.
var worse = map[journal.Verdict]int{journal.Pass: 1, journal.Skip: 2, journal.Fail: 3, journal.Error: 4}

// addTo adds what an attempt has shown to its case. An Error comes first, since nothing else can be trusted then.
func (a *attempt) addTo(c *report.Case) {
	if worse[a.verdict] > worse[c.Verdict] {
		c.Verdict, c.Dir, c.Run, c.Blamed = a.verdict, a.dir, a.run, a.blamed
	}
	if a.verdict == journal.Error {
		c.Problems = append(a.problems, c.Problems...)
	} else {
		c.Problems = append(c.Problems, a.problems...)
	}
}

// process runs an item in a process of its own. The run is what its journal says, nil when there is none; the error is
// why that is not the whole story.
func (r *Runner) process(ctx context.Context, i *Item, dir string) (*journal.Run, error) {
	p, err := start(r.Command(i, dir), dir, r.Limits)
	if err != nil {
		return nil, err
	}
	why := p.wait(ctx, func(s status) { r.Watch.Does(i, s.said, s.run) })
	run, err := journal.ReadFile(dir)
	switch {
	case errors.Is(why, errStopped):
		return run, why
	case why != nil:
		return run, errors.Join(why, p.said())
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return nil, errors.Join(err, p.said())
	case run == nil || run.Ended == nil:
		return run, fmt.Errorf("its process ended by itself and without a result: %w", p.said())
	case p.process.Status() != run.Ended.ExitCode:
		return run, fmt.Errorf("its process broke after the end of its run: got exit status %d, want %d: %w", p.process.Status(), run.Ended.ExitCode, p.said())
	}
	return run, nil
}

// firstStep is the wall time at which the first step began; otherwise when there was none.
func firstStep(dir string, otherwise time.Time) time.Time {
	f, err := os.Open(filepath.Join(dir, journal.FileName))
	if err != nil {
		return otherwise
	}
	defer f.Close()
	at := otherwise
	found := errors.New("found")
	_, _ = journal.Scan(f, func(e journal.Event) error {
		if e.Kind == journal.KindStepStarted {
			at = e.Wall
			return found
		}
		return nil
	})
	return at
}

var unfit = regexp.MustCompile(`[^a-z0-9]+`)

// Folder is the name of an item's directory: its place among all that the paths name, and its name as far as a file
// system takes it.
func Folder(i *Item) string {
	name := strings.Trim(unfit.ReplaceAllString(strings.ToLower(i.Scenario.Name), "-"), "-")
	return fmt.Sprintf("%03d-%.60s", i.Index+1, name)
}
