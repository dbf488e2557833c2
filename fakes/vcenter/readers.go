package vcenter

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vmware/govmomi/vim25/types"

	"github.com/rehearse-dev/rehearse/fakes/fakekit"
)

// readers keep site time from running ahead of the clients that wait for a change.
//
// A client learns of the end of a task in a chain that no token covers: vcsim collects updates for 20 ms of real time,
// answers WaitForUpdatesEx, and the provider's goroutine then queues a reconcile. If the clock jumped in between, the
// provider's ten-second poll would find out first, and every machine would seem to take longer than it does. So when
// an object changes, each property collector whose filter names that object and one of the properties (readers see
// CreateFilter) is owed an answer: a Busy token is held until WaitForUpdatesEx has returned the update to it, and for
// grace after that, which is time for the answer to travel and for the client's goroutine to act. Nobody waits for an
// object: no token. A collector that does not ask within patience is taken for dead, counted as late, and never waited
// for again.
//
// Both durations are real time: they are about goroutines and sockets, not about the site.
type readers struct {
	clock fakekit.Clock

	mu      sync.Mutex
	watched map[types.ManagedObjectReference]paths   // by object
	owed    map[types.ManagedObjectReference][]*debt // by collector
	closed  bool
}

// paths are the properties of one object that collectors have filters on, by collector.
type paths map[types.ManagedObjectReference][]string

// debt is an answer that a collector has not had yet.
type debt struct {
	paid  func() // gives the Busy token back
	alarm *time.Timer
}

const (
	grace    = 15 * time.Millisecond
	patience = 10 * time.Second
)

// watch records that a collector has a filter on objects.
func (r *readers) watch(collector types.ManagedObjectReference, filter types.PropertyFilterSpec) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.watched == nil {
		r.watched = map[types.ManagedObjectReference]paths{}
		r.owed = map[types.ManagedObjectReference][]*debt{}
	}
	var seen []string
	for _, p := range filter.PropSet {
		seen = append(seen, p.PathSet...)
	}
	for _, o := range filter.ObjectSet {
		if r.watched[o.Obj] == nil {
			r.watched[o.Obj] = paths{}
		}
		r.watched[o.Obj][collector] = seen
	}
}

// changed is called just before properties of an object change.
func (r *readers) changed(object types.ManagedObjectReference, changes []types.PropertyChange) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for collector, seen := range r.watched[object] {
		if !overlap(seen, changes) {
			continue
		}
		d := &debt{paid: r.clock.Busy("vcenter/update of " + object.Value)}
		d.alarm = time.AfterFunc(patience, func() { r.giveUp(collector, d) })
		r.owed[collector] = append(r.owed[collector], d)
	}
}

// overlap tells whether a filter sees any of the changes: "info" sees "info.state" and the other way round.
func overlap(seen []string, changes []types.PropertyChange) bool {
	for _, p := range seen {
		for _, c := range changes {
			if p == c.Name || strings.HasPrefix(c.Name, p+".") || strings.HasPrefix(p, c.Name+".") {
				return true
			}
		}
	}
	return false
}

// served is called when a collector has been given updates.
func (r *readers) served(collector types.ManagedObjectReference) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range r.owed[collector] {
		d.alarm.Stop()
		time.AfterFunc(grace, d.paid)
	}
	delete(r.owed, collector)
}

// drop forgets a collector that its client destroys.
func (r *readers) drop(collector types.ManagedObjectReference) {
	r.served(collector)
	r.mu.Lock()
	defer r.mu.Unlock()
	for object, collectors := range r.watched {
		delete(collectors, collector)
		if len(collectors) == 0 {
			delete(r.watched, object)
		}
	}
}

func (r *readers) giveUp(collector types.ManagedObjectReference, d *debt) {
	r.mu.Lock()
	silent := slices.Contains(r.owed[collector], d)
	r.mu.Unlock()
	if silent { // else it was served while the alarm went off
		r.clock.Late("property collector " + collector.Value + " to read its updates")
		r.drop(collector)
	}
}

func (r *readers) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for _, debts := range r.owed {
		for _, d := range debts {
			d.alarm.Stop()
			d.paid()
		}
	}
	r.watched, r.owed = nil, nil
}

func (r *readers) isClosed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed
}
