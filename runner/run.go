package runner

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"k8s.io/client-go/rest"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/runner/check"
	"github.com/rehearse-dev/rehearse/runner/journal"
	"github.com/rehearse-dev/rehearse/runner/kube"
)

// Options of one run.
type Options struct {
	Site Site
	// Journal is new: Run writes its first event and its last, and leaves it to the caller to close it. Whoever wants to
	// see the run while it goes on (a view, the faults) listens to it with OnEvent before Run is called.
	Journal *journal.Writer
	// Started is the first event. Its Invariants are the ones that are watched.
	Started journal.RunStarted
	// Script runs the runbook: its parameters are bound already.
	Script func(context.Context, dsl.Host) error
	// Scope is what the invariants look at.
	Scope check.Scope
	// Previous is a run to take up again: what it recorded is returned and not done again. nil: a run of its own.
	Previous *journal.Run
	// Arm is called after the first look at the site and before the runbook begins; faults are armed here. With sleep it
	// lets site time pass. nil: none. An error makes the run an Error.
	Arm func(ctx context.Context, sleep func(time.Duration) error) error
	// BeforeStep is called before each step begins, with its id: the journal does not have it yet. With sleep it lets site
	// time pass, sleep(0) until nobody works any more. nil: nobody is told. An error ends the run.
	BeforeStep func(ctx context.Context, id string, sleep func(time.Duration) error) error
	// RollbackAt turns the run back as soon as the step of that id (of any kind, also a wait or a gate) has ended well;
	// "": it goes on to its end. RollbackOnFailure turns back one that fails before its end; one that comes there and fails
	// by an invariant stays as it is. Either undoes what the run did, with Undo.Run of its steps and their waits. A run
	// that passes without coming to RollbackAt is an Error.
	RollbackAt        string
	RollbackOnFailure bool
	// StuckFor ends a wait that was reported as stuck once so much more site time has passed without a change; a rehearsal
	// that expects it need not sit out the whole of its time. 0: a wait goes on until its own time is up.
	StuckFor time.Duration
	// ClockReport is what a twin's clock did, asked for at the end. nil: a live site.
	ClockReport func() journal.Clock
}

// Result is how a run ended.
type Result struct {
	Verdict  journal.Verdict
	ExitCode int
	Message  string // why it did not pass, one line
	Run      *journal.Run
}

// closing bounds, in real time, the last look at a site that may have stopped to answer.
const closing = 20 * time.Second

// Run runs a runbook to its end and returns how it went. Cancelling ctx stops it: by the user, or as an Error when the
// cause is a TestbedError. The error is for a run that could not begin; the journal is then of no use.
func Run(ctx context.Context, o Options) (Result, error) {
	judge, err := check.NewJudge(o.Started.Invariants)
	if err != nil {
		return Result{}, err
	}
	r := &run{Options: o, judge: judge, fold: journal.NewRun()}
	r.host = newHost(r)
	o.Journal.OnEvent(r.hear)
	r.host.hold()
	defer r.host.release()
	if o.Previous != nil {
		if err := resumable(o.Previous); err != nil {
			return Result{}, err
		}
		o.Started.Resumes = o.Previous.Started.RunID
	}
	if err := o.Journal.Append(o.Started); err != nil {
		return Result{}, err
	}
	e := r.begin(ctx)
	r.goBack(ctx, &e)
	r.end(ctx, &e)
	verdict, code, message := e.verdict()
	if err := r.ended(verdict, code, message, e.completed); err != nil {
		return Result{}, err
	}
	r.fold.Path = o.Journal.Path()
	return Result{Verdict: verdict, ExitCode: code, Message: message, Run: r.fold}, nil
}

// run is a run that goes on.
type run struct {
	Options
	host     *host
	judge    *check.Judge
	observer *check.Observer
	disks    *disks // nil: the site has no vCenter

	mu   sync.Mutex // guards fold, which listeners write and the host reads
	fold *journal.Run
	deaf error // an event that could not be understood: our own mistake
}

// hear is the run's own listener.
func (r *run) hear(e journal.Event) {
	r.mu.Lock()
	moved := r.moved(e)
	if err := r.fold.Apply(e); err != nil && r.deaf == nil {
		r.deaf = err
	}
	r.mu.Unlock()
	violated, err := r.judge.Observe(e)
	for _, v := range violated {
		err = errors.Join(err, r.Journal.Append(v))
	}
	if err != nil {
		r.mu.Lock()
		r.deaf = errors.Join(r.deaf, err)
		r.mu.Unlock()
	}
	if moved {
		r.host.wake()
	}
}

// moved tells whether an event is worth an early look of a wait: a machine's message alone is not.
func (r *run) moved(e journal.Event) bool {
	b, err := e.Decode()
	if err != nil {
		return false
	}
	switch b := b.(type) {
	case *journal.Machine:
		old := r.fold.Machine(b.Cluster, b.Name)
		return old == nil || old.Phase != b.Phase || old.Ready != b.Ready
	case *journal.ControlPlane, *journal.MachineDeployment:
		return true
	}
	return false
}

// begin runs the runbook, with everything around it that must be there before.
func (r *run) begin(ctx context.Context) (e ending) {
	defer func() {
		if p := recover(); p != nil {
			e.broken = panicked(p)
		}
	}()
	if err := r.prepare(ctx); err != nil {
		e.stopped, e.broken = stopping(ctx), broken(ctx)
		if !e.stopped && e.broken == nil {
			e.broken = err
		}
		return e
	}
	err := r.Script(ctx, r.host)
	r.Journal.Drain()
	switch {
	case r.host.broken != nil:
		e.broken = r.host.broken
	case err == nil || r.host.turned:
		e.completed = !r.host.turned
	default:
		e.stopped, e.broken = stopping(ctx), broken(ctx)
		e.failed, e.blocked = r.host.why(err)
	}
	return e
}

func (r *run) prepare(ctx context.Context) (err error) {
	client, err := r.host.connect(ctx, "")
	if err != nil {
		return err
	}
	scope := r.Scope
	if scope.Workloads, err = r.workloads(ctx); err != nil {
		return err
	}
	if r.Site.VCenter() != nil {
		r.disks = &disks{site: r.Site}
		scope.Disks = r.disks.on
	}
	r.observer, err = check.Observe(ctx, client, r.Site.Clock(), scope, r.Journal.Append)
	if err != nil {
		return err
	}
	if r.Arm != nil {
		if err := r.Arm(ctx, func(d time.Duration) error { return r.host.sleep(ctx, d) }); err != nil {
			return fmt.Errorf("arm the faults: %w", err)
		}
	}
	r.Journal.Drain()
	return nil
}

// workloads are the clusters that are observed from inside, each with a connection of its own. One that the site does
// not have yet is left out: an invariant that asks for it sees nothing, and says so.
func (r *run) workloads(ctx context.Context) ([]check.Workload, error) {
	var l []check.Workload
	for _, name := range r.Scope.Clusters {
		cfg, err := r.Site.Workload(ctx, name)
		if err != nil {
			r.host.warn("cluster " + name + " is not observed from inside: " + err.Error())
			continue
		}
		c, err := kube.New(rest.CopyConfig(cfg), nil)
		if err != nil {
			return nil, err
		}
		l = append(l, check.Workload{Cluster: name, Client: c, Ping: c.Ping})
	}
	return l, nil
}

// stopping tells whether it is the user who ends the run.
func stopping(ctx context.Context) bool { return ctx.Err() != nil && broken(ctx) == nil }

func broken(ctx context.Context) error {
	var t *TestbedError
	if errors.As(context.Cause(ctx), &t) {
		return t
	}
	return nil
}

func panicked(p any) error { return fmt.Errorf("panic: %v\n%s", p, debug.Stack()) }

// end takes the last look at the site and asks the jury.
func (r *run) end(ctx context.Context, e *ending) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closing)
	defer cancel()
	r.host.clear()
	if r.observer != nil {
		if err := r.observer.Close(ctx); err != nil {
			r.host.warn("the last look at the machines failed: " + err.Error())
			if e.broken == nil && e.failed == "" && !e.stopped {
				e.broken = err
			}
		}
	}
	if r.disks != nil {
		r.disks.close()
	}
	r.Journal.Drain()
	for _, v := range r.judge.Verdicts() {
		if err := r.Journal.Append(v); err != nil && e.broken == nil {
			e.broken = err
		}
		switch v.Verdict {
		case journal.Fail:
			e.violated = append(e.violated, v.ID+": "+v.Message)
		case journal.Error:
			e.unseen = append(e.unseen, v.ID)
		}
	}
	if r.ClockReport != nil {
		_ = r.Journal.Append(r.ClockReport()) // a journal that cannot be written shows at the last event
	}
	r.Journal.Drain()
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.broken == nil && r.deaf != nil {
		e.broken = r.deaf
	}
	for _, f := range r.fold.Faults {
		if f.Fired == nil {
			e.unfired = append(e.unfired, f.ID)
		}
	}
}

func (r *run) ended(verdict journal.Verdict, code int, message string, completed bool) error {
	site, wall := r.Journal.Elapsed()
	r.mu.Lock()
	writes := r.fold.Changed()
	r.mu.Unlock()
	err := r.Journal.Append(journal.RunEnded{Verdict: verdict, ExitCode: code, Message: message,
		SiteSeconds: journal.Seconds(site), WallSeconds: journal.Seconds(wall), Writes: writes, Completed: completed})
	r.Journal.Drain()
	return err
}
