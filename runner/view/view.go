package view

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

// Options of a View.
type Options struct {
	Mode Mode
	Out  io.Writer // stderr
	// Size is the terminal's columns and rows, asked at every drawing; nil: 80 by 24.
	Size func() (width, height int)
	// Site and Wall are the two times between two events. Needed by the live view only.
	Site, Wall func() time.Time
	// Tick says when the live view is drawn; nil: at every event.
	Tick <-chan time.Time
}

// View shows a run. Its methods may be called from any goroutine.
type View struct {
	o    Options
	stop chan struct{}
	done sync.WaitGroup

	mu    sync.Mutex // guards what follows, and Out
	run   *journal.Run
	above []string // lines that stay, not yet written
	drawn int      // lines of the live part on the terminal
	frame int
	aside bool // somebody else has the terminal
	over  bool
}

// New makes a View. Give its Event to Writer.OnEvent and Close it when the run is over.
func New(o Options) *View {
	size := o.Size
	o.Size = func() (width, height int) {
		if size != nil {
			width, height = size()
		}
		if width <= 0 || height <= 0 { // a terminal that nobody told its size, as under script or a bare pty
			return 80, 24
		}
		return width, height
	}
	v := &View{o: o, run: journal.NewRun(), stop: make(chan struct{})}
	if o.Mode.Live && !o.Mode.Quiet && o.Tick != nil {
		v.done.Go(v.tick)
	}
	return v
}

func (v *View) tick() {
	for {
		select {
		case <-v.stop:
			return
		case <-v.o.Tick:
			v.mu.Lock()
			v.frame++
			v.draw()
			v.mu.Unlock()
		}
	}
}

// Event shows one event.
func (v *View) Event(e journal.Event) {
	if v.o.Mode.Quiet {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.over {
		return
	}
	if !v.o.Mode.Live {
		if l := line(v.run, e); l != nil {
			fmt.Fprintln(v.o.Out, v.o.Mode.paint(1<<16, l))
		}
		_ = v.run.Apply(e) // whoever wrote it finds out; a view shows what it can
		return
	}
	lasting := v.lasting(e)
	_ = v.run.Apply(e)
	if e.Kind == journal.KindStepEnded {
		width, _ := v.o.Size()
		lasting = v.o.Mode.endedLine(v.run.Steps[len(v.run.Steps)-1], width)
	}
	if lasting != nil {
		width, _ := v.o.Size()
		v.above = append(v.above, v.o.Mode.paint(width-1, lasting))
	}
	if v.o.Tick == nil {
		v.draw()
	}
}

// lasting is what stays above the live part, besides the steps that have ended.
func (v *View) lasting(e journal.Event) []span {
	switch e.Kind {
	case journal.KindRunStarted, journal.KindNote, journal.KindFaultArmed, journal.KindFaultFired, journal.KindFaultHealed,
		journal.KindInvariantViolated, journal.KindRollbackEnded, journal.KindRollbackStarted, journal.KindWaitStuck:
		return line(v.run, e)
	}
	return nil
}

const (
	hideCursor = "\x1b[?25l"
	showCursor = "\x1b[?25h"
)

// draw writes what stays, and the live part below it in the place of the one before. The lock is held.
func (v *View) draw() {
	if v.over || v.aside || v.run.Events == 0 {
		return
	}
	width, height := v.o.Size()
	site, wall := v.o.Site().Sub(v.run.Begin.Site).Seconds(), v.o.Wall().Sub(v.run.Begin.Wall).Seconds()
	s := state{run: v.run, site: max(0, site), wall: max(0, wall), frame: v.frame}
	v.replace(v.o.Mode.tree(s, width-1, height))
}

func (v *View) replace(live []string) {
	var b strings.Builder
	if v.drawn == 0 {
		b.WriteString(hideCursor)
	} else {
		fmt.Fprintf(&b, "\x1b[%dA\r", v.drawn)
	}
	b.WriteString("\x1b[J")
	for _, l := range append(v.above, live...) {
		b.WriteString(l + "\n")
	}
	v.above, v.drawn = nil, len(live)
	_, _ = io.WriteString(v.o.Out, b.String()) // a terminal that is gone is no reason to end a run
}

// Aside gives the terminal to f, which talks to a person, and takes it back when f returns.
func (v *View) Aside(f func()) {
	live := func(aside bool) {
		v.mu.Lock()
		defer v.mu.Unlock()
		if aside {
			v.clear()
		}
		v.aside = aside
	}
	live(true)
	defer live(false)
	f()
}

// clear removes the live part and shows the cursor. The lock is held.
func (v *View) clear() {
	if v.o.Mode.Live && !v.o.Mode.Quiet && (v.drawn > 0 || len(v.above) > 0) {
		v.replace(nil)
		_, _ = io.WriteString(v.o.Out, showCursor)
	}
}

// Close removes the live part and gives the cursor back. Calling it twice is harmless.
func (v *View) Close() {
	v.mu.Lock()
	first := !v.over
	if first {
		v.clear()
	}
	v.over = true
	v.mu.Unlock()
	if first {
		close(v.stop)
	}
	v.done.Wait()
}
