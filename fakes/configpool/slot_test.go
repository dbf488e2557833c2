package configpool

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"
)

var t0 = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func at(d time.Duration) *metav1.Time { return &metav1.Time{Time: t0.Add(d)} }

func withDisk(paths ...string) slot {
	s := slot{Hostname: "cp-1"}
	for _, p := range paths {
		s.PersistentDisks = append(s.PersistentDisks, disk{Name: p, VolumePath: p, DiskUUID: "u-" + p})
	}
	return s
}

// Every row of the life cycle, and where it leads.
func TestNext(t *testing.T) {
	machine := &corev1.ObjectReference{Namespace: "ns", Name: "m"}
	const hours = 24 * time.Hour
	released := slotStatus{Hostname: "cp-1", State: Released, MachineRef: machine, LastReleasedTime: at(-hours)}
	with := func(r reclaim) slotStatus {
		s := released
		s.ReclaimStatus = &r
		return s
	}
	for _, tt := range []struct {
		name, stage string
		l           look
		want        step
	}{
		{"a free slot rests", "available", look{status: slotStatus{State: Available}}, step{status: slotStatus{State: Available}}},
		{"a slot rests while its machine is there", "in use", look{status: slotStatus{State: InUse, MachineRef: machine}, machine: true},
			step{status: slotStatus{State: InUse, MachineRef: machine}}},
		{"a slot whose machine vanished is released", "orphaned", look{status: slotStatus{State: InUse, MachineRef: machine}},
			step{status: slotStatus{State: Released, MachineRef: machine, LastReleasedTime: at(0)}, after: time.Second}},
		{"a released slot keeps its disks for the delay", "kept", look{status: released, delay: hours + time.Minute, slot: withDisk("a")},
			step{status: released, after: time.Minute + time.Second}},
		{"not a moment sooner", "kept", look{status: released, delay: hours, slot: withDisk("a")}, step{status: released, after: time.Second}},
		{"then the first disk is deleted", "due", look{status: released, delay: hours - 1, slot: withDisk("a", "b")},
			step{status: with(reclaim{State: "Running", VolumePath: "a"}), delete: "a", after: 15 * time.Second}},
		{"a slot without disks is free at once", "due", look{status: released, delay: hours - 1, slot: withDisk()},
			step{status: slotStatus{Hostname: "cp-1", State: Available, ReclaimStatus: &reclaim{State: "Completed"}}}},
		{"a disk that somebody has is waited for", "due",
			look{status: released, delay: hours - 1, slot: withDisk("a"), on: map[string][]string{"a": {"a attached to backup (VirtualMachine:vm-9) diskKey=2001"}}},
			step{status: with(reclaim{State: "Failed", VolumePath: "a", RetryAfter: at(30 * time.Second),
				LastError: "persistent disk is still attached: [a attached to backup (VirtualMachine:vm-9) diskKey=2001]"}),
				warn:  "Waiting to reclaim persistent disk backing a because it is still attached: [a attached to backup (VirtualMachine:vm-9) diskKey=2001]",
				after: 30 * time.Second}},
		{"a task is looked at every 15 s", "reclaim runs", look{status: with(reclaim{State: "Running", TaskRef: "task-1", VolumePath: "a"}), slot: withDisk("a")},
			step{status: with(reclaim{State: "Running", TaskRef: "task-1", VolumePath: "a"}), after: 15 * time.Second}},
		{"a task that has ended takes the disk out of the slot", "reclaim runs",
			look{status: with(reclaim{State: "Running", TaskRef: "task-1", VolumePath: "a"}), slot: withDisk("a"), task: taskLook{done: true}},
			step{status: with(reclaim{State: "Completed"}), deleted: "a", after: time.Second}},
		{"a file that is not there is as good as deleted", "reclaim runs",
			look{status: with(reclaim{TaskRef: "task-1", VolumePath: "a"}), slot: withDisk("a"), task: taskLook{done: true, fault: "File a was not found", gone: true}},
			step{status: with(reclaim{State: "Completed"}), deleted: "a", after: time.Second}},
		{"a failure is tried again after a minute", "reclaim runs",
			look{status: with(reclaim{TaskRef: "task-1", VolumePath: "a"}), slot: withDisk("a"), task: taskLook{done: true, fault: "no permission"}},
			step{status: with(reclaim{State: "Failed", LastError: "no permission", RetryAfter: at(time.Minute)}), after: time.Minute}},
		{"and not before", "reclaim waits", look{status: with(reclaim{State: "Failed", RetryAfter: at(time.Minute)}), slot: withDisk("a"), delay: hours - 1},
			step{status: with(reclaim{State: "Failed", RetryAfter: at(time.Minute)}), after: time.Minute}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i := slices.IndexFunc(lifeCycle, func(r row) bool { return r.is(tt.l, t0) })
			if got := lifeCycle[i].stage; got != tt.stage {
				t.Errorf("stage: got %q, want %q", got, tt.stage)
			}
			if diff := cmp.Diff(tt.want, next(tt.l, t0), cmp.AllowUnexported(step{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func three() *pool {
	p := &pool{namespace: "ns", name: "cp", Spec: spec{Datacenter: "DC1"}}
	for _, h := range []string{"cp-1", "cp-2", "cp-3"} {
		p.Spec.Configs = append(p.Spec.Configs, slot{Hostname: h, PersistentDisks: []disk{{Name: "d"}}})
	}
	return p
}

func ask(name, consumer string) request {
	return request{machine: corev1.ObjectReference{Namespace: "ns", Name: name, UID: types.UID(name)}, consumer: Consumer("KubeadmControlPlane", "ns", consumer)}
}

func TestAllocate(t *testing.T) {
	p := three()
	got := func(r request, want string) {
		t.Helper()
		if h, err := allocate(p, r); err != nil || h != want {
			t.Errorf("%s: got %q %v, want %q", r.machine.Name, h, err, want)
		}
	}
	refused := func(r request, want string) {
		t.Helper()
		if h, err := allocate(p, r); err == nil || err.Error() != want {
			t.Errorf("%s: got %q %v, want %q", r.machine.Name, h, err, want)
		}
	}
	got(ask("a", "kcp"), "cp-1")
	got(ask("b", "kcp"), "cp-2")
	got(ask("a", "kcp"), "cp-1") // the one that it has
	refused(ask("w", "other"), "machine config pool ns/cp is bound to KubeadmControlPlane ns/kcp")
	bound := (*boundError)(nil)
	if _, err := allocate(p, ask("w", "other")); !errors.As(err, &bound) {
		t.Errorf("got %T, want a boundError", err)
	}
	release(p, "cp-2", t0)
	got(ask("c", "kcp"), "cp-2") // a released one first, although cp-3 is free
	got(ask("d", "kcp"), "cp-3")
	refused(ask("e", "kcp"), "no available slots in pool ns/cp (total slots: 3, status entries: 3)")
	elsewhere := ask("e", "kcp")
	elsewhere.datacenter = "DC2"
	refused(elsewhere, `no available slots in pool ns/cp matching datacenter "DC2"`)
	elsewhere.zone = "DC2"
	refused(elsewhere, `no available slots in pool ns/cp matching datacenter "DC2" and failure domain datacenters`)
	elsewhere.datacenter = "*"
	refused(elsewhere, "no available slots in pool ns/cp matching failure domain datacenters")
	p.Spec.Configs = append(p.Spec.Configs, slot{Hostname: "cp-4", Datacenter: "DC2"})
	got(elsewhere, "cp-4")
}

// Whatever machines, people and time do: a slot has one machine and a machine one slot, slots add up, a pool serves one
// consumer at a time, and a disk stays with its slot until that is reclaimed.
func TestNoSlotIsBoundTwice(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p, now := three(), t0
		alive, made := map[string]string{}, 0 // machines by name, with their consumer
		uuid := map[string]string{}           // of slots that are not free
		r.Repeat(map[string]func(*rapid.T){
			"a machine comes": func(r *rapid.T) {
				made++
				q := ask(fmt.Sprint("m", made), rapid.SampledFrom([]string{"kcp", "other"}).Draw(r, "consumer"))
				h, err := allocate(p, q)
				if err != nil {
					return
				}
				alive[q.machine.Name] = q.consumer.Name
				if s := p.slotOf(h); s.PersistentDisks[0].VolumePath == "" { // its clone makes the disk
					s.PersistentDisks[0].VolumePath, s.PersistentDisks[0].DiskUUID = h, fmt.Sprint("u", made)
				}
				if had := uuid[h]; had != "" && had != p.slotOf(h).PersistentDisks[0].DiskUUID {
					r.Fatalf("slot %s: got disk %s, want %s", h, p.slotOf(h).PersistentDisks[0].DiskUUID, had)
				}
				uuid[h] = p.slotOf(h).PersistentDisks[0].DiskUUID
			},
			"a machine goes": func(r *rapid.T) {
				if len(alive) == 0 {
					return
				}
				name := rapid.SampledFrom(slices.Sorted(maps.Keys(alive))).Draw(r, "machine")
				delete(alive, name)
				if rapid.Bool().Draw(r, "well") { // else its object vanishes
					release(p, p.holds(corev1.ObjectReference{Namespace: "ns", Name: name}), now)
				}
			},
			"time passes": func(r *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(1, 30).Draw(r, "hours")) * time.Hour)
				for i := range p.Spec.Configs {
					s := &p.Spec.Configs[i]
					st := p.statusOf(s.Hostname)
					if st == nil {
						continue
					}
					l := look{slot: *s, status: *st, delay: p.delay(), task: taskLook{done: true}}
					if st.MachineRef != nil {
						_, l.machine = alive[st.MachineRef.Name]
					}
					if rapid.Bool().Draw(r, "still attached") {
						l.on = map[string][]string{s.Hostname: {"somebody"}}
					}
					done := next(l, now)
					if done.delete != "" {
						done.status.ReclaimStatus.TaskRef = "task"
					}
					if done.deleted != "" {
						forgetDisk(s, done.deleted)
						delete(uuid, s.Hostname)
					}
					*st = done.status
				}
				if p.reusable() {
					p.Status.ConsumerRef = nil
				}
			},
			"": func(r *rapid.T) { check(r, p, alive) },
		})
	})
}

func check(r *rapid.T, p *pool, alive map[string]string) {
	seen, consumers := map[string]string{}, map[string]bool{}
	if len(p.Status.ConfigStatuses) > len(p.Spec.Configs) {
		r.Fatalf("got %d states of %d slots", len(p.Status.ConfigStatuses), len(p.Spec.Configs))
	}
	for _, s := range p.Status.ConfigStatuses {
		if !slices.Contains([]State{Available, InUse, Released}, s.State) {
			r.Fatalf("slot %s: state %q", s.Hostname, s.State)
		}
		if s.State != InUse {
			continue
		}
		m := s.MachineRef.Name
		if seen[m] != "" {
			r.Fatalf("machine %s has the slots %s and %s", m, seen[m], s.Hostname)
		}
		seen[m] = s.Hostname
		if c, ok := alive[m]; ok {
			consumers[c] = true
			if p.Status.ConsumerRef == nil || p.Status.ConsumerRef.Name != c {
				r.Fatalf("slot %s is used by a machine of %s, the pool is bound to %v", s.Hostname, c, p.Status.ConsumerRef)
			}
		}
	}
	if len(consumers) > 1 {
		r.Fatalf("the pool serves %s", strings.Join(slices.Sorted(maps.Keys(consumers)), " and "))
	}
}
