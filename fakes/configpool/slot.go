package configpool

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// State is where a slot stands, as status.configStatuses[].state shows it.
type State string

// The states of a slot.
const (
	Available State = "Available" // nobody's
	InUse     State = "InUse"     // a machine's
	Released  State = "Released"  // its machine is gone, its disks are kept for the next one of the same consumer
)

// The states of a reclaim, as reclaimStatus.state shows them.
const (
	reclaimRunning   = "Running"
	reclaimFailed    = "Failed"
	reclaimCompleted = "Completed"
)

// How long the provider waits before it looks again (github.com/alauda/cluster-api-provider-vsphere
// controllers/vspheremachineconfigpool_controller.go).
const (
	pollTask      = 15 * time.Second // a task that deletes a disk
	pollAttached  = 30 * time.Second // a disk that somebody has still attached
	afterFailure  = time.Minute      // a reclaim that failed
	afterReclaim  = time.Second      // one disk is gone, the next one follows
	resync        = 10 * time.Minute // what nothing wakes but the informers' resync
	stillAttached = "persistent disk is still attached: "
)

// look is all that decides what becomes of a slot next.
type look struct {
	slot    slot
	status  slotStatus
	delay   time.Duration
	machine bool                // the VSphereMachine that uses the slot exists
	on      map[string][]string // by path of a disk: what it is attached to, in words
	task    taskLook            // the reclaim's task; only looked at while there is one
}

// taskLook is how a task stands.
type taskLook struct {
	done  bool
	fault string // "" after a success
	gone  bool   // the fault says that there was no such file
}

// step is the outcome of next.
type step struct {
	status  slotStatus
	delete  string        // the disk whose deletion begins now
	deleted string        // the disk that is no more
	warn    string        // what the provider warns of: a disk that is still attached
	after   time.Duration // when to look again; 0: when something happens
}

// row is one stage of a slot's life.
type row struct {
	stage string
	is    func(look, time.Time) bool
	then  func(look, time.Time) step
}

// lifeCycle is the life of a slot without the machines that come and take it (allocate) and that leave it (release).
// The first row that fits decides.
var lifeCycle = []row{
	{"available", func(l look, _ time.Time) bool { return l.status.State == Available }, stay},
	{"in use", func(l look, _ time.Time) bool { return l.status.State == InUse && l.machine }, stay},
	{"orphaned", func(l look, _ time.Time) bool { return l.status.State == InUse }, orphan},
	{"reclaim runs", func(l look, _ time.Time) bool { return l.status.ReclaimStatus.task() != "" }, follow},
	{"reclaim waits", func(l look, now time.Time) bool { return now.Before(l.status.ReclaimStatus.retry()) }, retryLater},
	{"kept", func(l look, now time.Time) bool { return !now.After(l.deadline()) }, keep},
	{"due", func(look, time.Time) bool { return true }, reclaimSlot},
}

// next tells what becomes of a slot. It looks only at its arguments.
func next(l look, now time.Time) step {
	i := slices.IndexFunc(lifeCycle, func(r row) bool { return r.is(l, now) })
	return lifeCycle[i].then(l, now)
}

func stay(l look, _ time.Time) step { return step{status: l.status} }

func orphan(l look, now time.Time) step {
	s := l.status
	s.State, s.LastReleasedTime = Released, &metav1.Time{Time: now}
	return step{status: s, after: afterReclaim}
}

func follow(l look, now time.Time) step {
	s, r := l.status, *l.status.ReclaimStatus
	switch {
	case !l.task.done:
		return step{status: s, after: pollTask}
	case l.task.fault == "" || l.task.gone:
		s.ReclaimStatus = &reclaim{State: reclaimCompleted}
		return step{status: s, deleted: r.VolumePath, after: afterReclaim}
	}
	s.ReclaimStatus = &reclaim{State: reclaimFailed, LastError: l.task.fault, RetryAfter: &metav1.Time{Time: now.Add(afterFailure)}}
	return step{status: s, after: afterFailure}
}

func retryLater(l look, now time.Time) step {
	return step{status: l.status, after: l.status.ReclaimStatus.retry().Sub(now)}
}

func keep(l look, now time.Time) step {
	return step{status: l.status, after: l.deadline().Sub(now) + afterReclaim}
}

// reclaimSlot deletes the next disk, one task at a time. A slot without disks is free.
func reclaimSlot(l look, now time.Time) step {
	s := l.status
	i := slices.IndexFunc(l.slot.PersistentDisks, func(d disk) bool { return d.VolumePath != "" })
	if i < 0 {
		s.State, s.MachineRef, s.LastReleasedTime = Available, nil, nil
		s.ReclaimStatus = &reclaim{State: reclaimCompleted}
		return step{status: s}
	}
	path := l.slot.PersistentDisks[i].VolumePath
	if on := l.on[path]; len(on) > 0 {
		s.ReclaimStatus = &reclaim{State: reclaimFailed, VolumePath: path, LastError: stillAttached + fmt.Sprint(on),
			RetryAfter: &metav1.Time{Time: now.Add(pollAttached)}}
		warn := fmt.Sprintf("Waiting to reclaim persistent disk backing %s because it is still attached: %v", path, on)
		return step{status: s, warn: warn, after: pollAttached}
	}
	s.ReclaimStatus = &reclaim{State: reclaimRunning, VolumePath: path}
	return step{status: s, delete: path, after: pollTask}
}

func (l look) deadline() time.Time {
	if l.status.LastReleasedTime == nil {
		return time.Time{}
	}
	return l.status.LastReleasedTime.Add(l.delay)
}

func (r *reclaim) task() string {
	if r == nil {
		return ""
	}
	return r.TaskRef
}

func (r *reclaim) retry() time.Time {
	if r == nil || r.RetryAfter == nil {
		return time.Time{}
	}
	return r.RetryAfter.Time
}

// release gives the slot of a machine back, with its disks.
func release(p *pool, hostname string, now time.Time) {
	if s := p.statusOf(hostname); s != nil && s.State != Released {
		s.State, s.LastReleasedTime = Released, &metav1.Time{Time: now}
	}
}
