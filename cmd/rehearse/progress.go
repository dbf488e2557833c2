package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"

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

// openLog sends what the controllers and the libraries say into DIR/controllers.log.
func openLog(dir string) (logr.Logger, func(), error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return logr.Logger{}, nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, "controllers.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return logr.Logger{}, nil, err
	}
	h := slog.NewTextHandler(f, nil)
	slog.SetDefault(slog.New(h)) // libraries that log through package log
	log := logr.FromSlogHandler(h)
	klog.SetLogger(log)
	return log, func() { _ = f.Close() }, nil
}
