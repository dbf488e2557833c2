package main

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/rehearse-dev/rehearse/cmd/internal/suite"
	"github.com/rehearse-dev/rehearse/runner/journal"
	"github.com/rehearse-dev/rehearse/runner/report"
	"github.com/rehearse-dev/rehearse/runner/view"
)

// suiteProgress tells what a suite is doing: a line for each scenario that has ended, and on a terminal below it one for
// each that runs.
type suiteProgress struct {
	e     *env
	mode  view.Mode
	total int
	begin time.Time

	mu      sync.Mutex
	ended   int
	bad     int
	running []*running
	drawn   int // lines on the terminal that will be drawn anew
}

// running is a scenario that runs.
type running struct {
	item  *suite.Item
	begin time.Time
	what  string
}

func (e *env) suiteProgress(quiet bool, total int) *suiteProgress {
	return &suiteProgress{e: e, mode: view.ModeOf(quiet, e.terminal, e.getenv), total: total, begin: time.Now()}
}

// Begins implements suite.Watch.
func (p *suiteProgress) Begins(i *suite.Item, nth int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.remove(i.File, i.Scenario.Name)
	r := &running{item: i, begin: time.Now(), what: "starting"}
	if nth > 1 {
		r.what = fmt.Sprintf("starting for the %d. time", nth)
	}
	p.running = append(p.running, r)
	p.draw(nil)
}

func (p *suiteProgress) remove(file, name string) {
	for n, r := range p.running {
		if r.item.File == file && r.item.Scenario.Name == name {
			p.running = append(p.running[:n:n], p.running[n+1:]...)
			return
		}
	}
}

// Does implements suite.Watch.
func (p *suiteProgress) Does(i *suite.Item, said string, run *journal.Run) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.running {
		if r.item == i {
			r.what = doing(said, run)
		}
	}
	p.draw(nil)
}

// doing is a run in a few words.
func doing(said string, run *journal.Run) string {
	if run.Events == 0 {
		return strings.TrimSpace(said)
	}
	words := "at " + report.Duration(run.Last.At)
	if s := run.Current(); s != nil {
		words += "  " + s.ID
		if s.Pending != "" {
			words += "  " + s.Pending
		}
	}
	return words
}

// Ended implements suite.Watch.
func (p *suiteProgress) Ended(c *report.Case) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.remove(c.File, c.Name)
	p.ended++
	line := fmt.Sprintf("%-5s  %s  %s", c.Verdict, c.Name, report.Duration(c.WallSeconds))
	if c.Verdict != journal.Pass {
		p.bad++
		if len(c.Problems) > 0 {
			first, _, _ := strings.Cut(c.Problems[0], "\n")
			line += "  " + first
		}
	}
	if !p.mode.Live {
		line = fmt.Sprintf("%d/%d  %s", p.ended, p.total, line)
	}
	p.draw([]string{line})
}

// draw writes lines that stay, and those of what runs below them. The lock is held.
func (p *suiteProgress) draw(stay []string) {
	switch {
	case p.mode.Quiet:
		return
	case !p.mode.Live:
		for _, l := range stay {
			fmt.Fprintln(p.e.stderr, report.Clean(l))
		}
		return
	}
	width, height := p.e.size()
	var b strings.Builder
	if p.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\r\x1b[J", p.drawn)
	}
	for _, l := range stay {
		fmt.Fprintln(&b, cut(report.Clean(l), width-1))
	}
	p.drawn = 0
	if len(p.running) > 0 {
		heading := fmt.Sprintf("%d of %d have ended, %d of them no pass, after %s", p.ended, p.total, p.bad, report.Duration(time.Since(p.begin).Seconds()))
		fmt.Fprintln(&b, cut(heading, width-1))
		shown := p.running[:min(len(p.running), max(height-3, 0))] // the cursor does not go up beyond the first line
		for _, r := range shown {
			l := fmt.Sprintf("  %s  %s  %s", r.item.Scenario.Name, report.Duration(time.Since(r.begin).Seconds()), r.what)
			fmt.Fprintln(&b, cut(report.Clean(l), width-1))
		}
		p.drawn = len(shown) + 1
	}
	fmt.Fprint(p.e.stderr, b.String())
}

func cut(line string, width int) string {
	r := []rune(line)
	return string(r[:min(len(r), max(width, 20))])
}

// close takes away what is drawn anew.
func (p *suiteProgress) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running = nil
	p.draw(nil)
}
