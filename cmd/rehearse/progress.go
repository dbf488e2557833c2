package main

import (
	"fmt"
	"sync"

	"github.com/rehearse-dev/rehearse/runner/view"
)

// progress tells what a boot is doing: one line that changes on a terminal, else a line for each thing.
type progress struct {
	e    *env
	mode view.Mode

	mu   sync.Mutex
	last string
	open bool // the line on the terminal has no end yet
}

func (e *env) progress(quiet bool) *progress {
	return &progress{e: e, mode: view.ModeOf(quiet, e.terminal, e.getenv)}
}

func (p *progress) boot(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mode.Quiet || text == p.last {
		return
	}
	p.last = text
	if !p.mode.Live {
		fmt.Fprintln(p.e.stderr, "boot     "+text)
		return
	}
	width, _ := p.e.size()
	line := "booting the twin: " + text
	fmt.Fprintf(p.e.stderr, "\r\x1b[K%.*s", max(width-1, 20), line)
	p.open = true
}

func (p *progress) warn(text string) {
	if !p.mode.Quiet {
		fmt.Fprintln(p.e.stderr, "warning  "+text)
	}
}

// done ends the line.
func (p *progress) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open {
		fmt.Fprint(p.e.stderr, "\r\x1b[K")
		p.open = false
	}
}
