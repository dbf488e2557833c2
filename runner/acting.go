package runner

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/runner/kube"
)

// acting is the site as one step or one poll sees it: it implements dsl.Site. It is of no use once that has ended.
type acting struct {
	host     *host
	step     string
	mayWrite bool
	pauses   []time.Duration // of site time, between the attempts at one request; none: it is sent once
	writes   int             // tried
	changed  int             // that changed something, or may have
	closed   atomic.Bool
}

func (a *acting) close() { a.closed.Store(true) }

// open refuses what is done after the step has ended, with a site that a script kept.
func (a *acting) open(op string) error {
	if a.closed.Load() {
		return fmt.Errorf("%s: got a site whose step %q has ended, want the one that the function is given", op, a.step)
	}
	return nil
}

// Cluster implements dsl.Site.
func (a *acting) Cluster(name string) dsl.Cluster { return &cluster{acting: a, name: name} }

// VCenter implements dsl.Site.
func (a *acting) VCenter() dsl.VCenter { return &inventory{acting: a} }

// Registry implements dsl.Site.
func (a *acting) Registry() dsl.Registry { return &registry{acting: a} }

// Unanswered is the error of a read that found no answer although it was tried several times. A wait waits for the
// answer; a step fails with it.
type Unanswered struct {
	Op  string // operation and object
	Err error
}

func (e *Unanswered) Error() string { return e.Op + ": " + e.Err.Error() }
func (e *Unanswered) Unwrap() error { return e.Err }

// patience is how long one request may take, in real time.
const patience = 15 * time.Second

// The pauses of a step and of a poll. A step that fails ends the run, so it outlasts the restart of an API server that is
// alone, which takes a minute or two; a wait asks again by itself. How long is a guess.
var (
	stepPauses = []time.Duration{time.Second, 3 * time.Second, 9 * time.Second, 27 * time.Second, time.Minute}
	pollPauses = stepPauses[:3]
)

// ask sends a request until it is answered, for as long as again says that another attempt makes sense. What is silent
// for the whole of its patience is not asked again: the next poll does that.
func (a *acting) ask(ctx context.Context, again func(error) bool, request func(context.Context) error) error {
	for _, pause := range a.pauses {
		err := a.askOnce(ctx, request)
		if err == nil || ctx.Err() != nil || !again(err) || errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		if a.host.sleep(ctx, pause) != nil {
			return err
		}
	}
	return a.askOnce(ctx, request)
}

func (a *acting) askOnce(ctx context.Context, request func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return request(ctx)
}

// read asks for something; op names operation and object.
func (a *acting) read(ctx context.Context, op string, request func(context.Context) error) error {
	if err := a.open(op); err != nil {
		return err
	}
	err := a.ask(ctx, transient, request)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", op, context.Cause(ctx))
	case transient(err):
		return &Unanswered{Op: op, Err: err}
	}
	return fmt.Errorf("%s: %w", op, err)
}

// transient tells whether the same request may have another answer later.
func transient(err error) bool {
	var busy *busyRegistry
	return kube.Transient(err) || errors.As(err, &busy)
}
