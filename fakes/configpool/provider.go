package configpool

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/record"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/rehearse-dev/rehearse/fakes/fakekit"
)

// Finalizer keeps a pool until its disks are reclaimed.
const Finalizer = "vspheremachineconfigpool.infrastructure.cluster.x-k8s.io"

// Config is what a Provider is made of.
type Config struct {
	// Client writes; Reader reads what is stored, past any cache.
	Client  client.Client
	Reader  client.Reader
	Storage Storage
	Clock   fakekit.Clock
	Events  record.EventRecorder
	// Refused, if set, is told of each machine that gets no slot and each consumer that is refused for a pool's sake.
	Refused func(pool, who, why string)
}

// Storage is the datastores of the site, as vCenter knows them. No call blocks.
type Storage interface {
	// Disk is what is stored under a path; ok is false when nothing is.
	Disk(path string) (d Stored, ok bool)
	// Delete begins to delete a disk and names the task.
	Delete(datacenter, path string) (task string, err error)
	// Task is how a task of Delete stands; gone: it found no such file.
	Task(key string) (done bool, fault string, gone bool, err error)
	// Datastore is the name of the datastore that a machine uses which says so, or says nothing ("").
	Datastore(datacenter, wanted string) string
}

// Stored is a disk on a datastore.
type Stored struct {
	UUID string
	On   []string // the VMs that have it attached, each in words
}

// Provider keeps VSphereMachineConfigPools and gives their slots to machines. Its methods may be called from any
// goroutine.
type Provider struct{ Config }

// NewProvider returns a Provider.
func NewProvider(c Config) *Provider {
	if c.Refused == nil {
		c.Refused = func(_, _, _ string) {}
	}
	return &Provider{c}
}

// Reconcile looks at one pool. It must be called again after the returned site time (0: never) and whenever the pool,
// its Cluster, its VSphereCluster or a VSphereVM or VSphereMachine of it changes. An error is to be tried again.
func (p *Provider) Reconcile(ctx context.Context, key types.NamespacedName) (after time.Duration, err error) {
	o := New()
	if err := p.Reader.Get(ctx, key, o); err != nil {
		return 0, client.IgnoreNotFound(err)
	}
	if o.GetDeletionTimestamp() == nil && controllerutil.AddFinalizer(o, Finalizer) {
		return 0, p.Client.Update(ctx, o) // the update comes back
	}
	have, err := read(o)
	if err != nil {
		return 0, fmt.Errorf("pool %s: %w", key, err)
	}
	before := have.Status
	before.ConfigStatuses = slices.Clone(before.ConfigStatuses)
	before.Conditions = slices.Clone(before.Conditions)
	after, backfilled, blocked, err := p.look(ctx, o, have)
	if err != nil {
		return 0, fmt.Errorf("pool %s: %w", key, err)
	}
	if backfilled {
		if err := writeDisks(o, have); err != nil {
			return 0, err
		}
	}
	gone := o.GetDeletionTimestamp() != nil && len(blocked) == 0 && after == 0
	if err := p.persist(ctx, o, have, before, backfilled); err != nil {
		return 0, err
	}
	if gone && controllerutil.RemoveFinalizer(o, Finalizer) {
		return 0, p.Client.Update(ctx, o)
	}
	if len(blocked) > 0 {
		return 0, fmt.Errorf("blocking VSphereMachineConfigPool deletion: currently in use by VSphereMachines %v", blocked)
	}
	return after, nil
}

func (p *Provider) persist(ctx context.Context, o *unstructured.Unstructured, have *pool, before status, spec bool) error {
	if spec {
		if err := p.Client.Update(ctx, o); err != nil {
			return err
		}
	}
	if apiequality.Semantic.DeepEqual(have.Status, before) {
		return nil
	}
	return p.writeStatus(ctx, o, have)
}

func (p *Provider) writeStatus(ctx context.Context, o *unstructured.Unstructured, have *pool) error {
	fields, err := plain(&have.Status)
	if err != nil {
		return err
	}
	o.Object["status"] = fields
	return p.Client.Status().Update(ctx, o)
}

// look brings the status of a pool up to date, slot by slot. blocked are the machines that keep it from being deleted.
func (p *Provider) look(ctx context.Context, o *unstructured.Unstructured, have *pool,
) (after time.Duration, spec bool, blocked []string, err error) {
	deleting := o.GetDeletionTimestamp() != nil
	p.unique(have)
	ready, err := p.reachable(ctx, have)
	if err != nil {
		return 0, false, nil, err
	}
	if !ready {
		return pollAttached, false, nil, nil
	}
	if c := have.Status.ConsumerRef; c != nil && have.reusable() {
		p.Events.Eventf(o, corev1.EventTypeNormal, "ConsumerUnbound", "Pool is fully reusable, cleared consumer binding to %s %s/%s", c.Kind, c.Namespace, c.Name)
		have.Status.ConsumerRef = nil
	}
	var all []slotStatus
	soonest := func(d time.Duration) {
		if d > 0 && (after == 0 || d < after) {
			after = d
		}
	}
	for i := range have.Spec.Configs {
		if have.again(i) {
			continue
		}
		s := &have.Spec.Configs[i]
		l, err := p.lookAt(ctx, have, s)
		if err != nil {
			return 0, false, nil, err
		}
		if deleting {
			l.delay = -time.Nanosecond
			if l.status.State == InUse && l.machine {
				blocked = append(blocked, l.status.MachineRef.Namespace+"/"+l.status.MachineRef.Name)
			}
		}
		if l.status.State == InUse && l.machine && p.backfill(ctx, have, s, &l) {
			spec = true
		}
		done := next(l, p.Clock.Now())
		if done.warn != "" {
			p.Events.Event(o, corev1.EventTypeWarning, "PersistentDiskStillAttached", done.warn)
		}
		if done.deleted != "" {
			spec = forgetDisk(s, done.deleted) || spec
		}
		if done.delete != "" {
			done = p.begin(have, s, l, done)
		}
		soonest(done.after)
		all = append(all, done.status)
	}
	have.Status.ConfigStatuses = all
	return after, spec, blocked, nil
}

// lookAt collects what decides about a slot.
func (p *Provider) lookAt(ctx context.Context, have *pool, s *slot) (look, error) {
	l := look{slot: *s, status: slotStatus{Hostname: s.Hostname, State: Available}, delay: have.delay(), on: map[string][]string{}}
	if st := have.statusOf(s.Hostname); st != nil {
		l.status = *st
	}
	if ref := l.status.MachineRef; ref != nil && l.status.State == InUse {
		err := p.Reader.Get(ctx, client.ObjectKey{Namespace: ref.Namespace, Name: ref.Name}, newMachine())
		if client.IgnoreNotFound(err) != nil {
			return look{}, err
		}
		l.machine = err == nil
	}
	for _, d := range s.PersistentDisks {
		if d.VolumePath == "" {
			continue
		}
		if stored, ok := p.Storage.Disk(d.VolumePath); ok {
			l.on[d.VolumePath] = stored.On
		}
	}
	if key := l.status.ReclaimStatus.task(); key != "" {
		var err error
		if l.task.done, l.task.fault, l.task.gone, err = p.Storage.Task(key); err != nil {
			return look{}, err
		}
	}
	return l, nil
}

// begin deletes a disk. One that cannot even be asked for is tried again with the informers' resync, as the provider
// does, and leaves no word in the status.
func (p *Provider) begin(have *pool, s *slot, l look, done step) step {
	task, err := p.Storage.Delete(have.datacenterOf(s), done.delete)
	if err != nil {
		return step{status: l.status, after: resync}
	}
	r := *done.status.ReclaimStatus
	r.TaskRef = task
	done.status.ReclaimStatus = &r
	return done
}

// backfill notes where the disks of a slot are, once they are there.
func (p *Provider) backfill(ctx context.Context, have *pool, s *slot, l *look) (changed bool) {
	machine := newMachine()
	ref := l.status.MachineRef
	if p.Reader.Get(ctx, client.ObjectKey{Namespace: ref.Namespace, Name: ref.Name}, machine) != nil {
		return false
	}
	store := p.datastore(have, s, machine)
	for i := range s.PersistentDisks {
		d := &s.PersistentDisks[i]
		if d.VolumePath != "" && d.DiskUUID != "" {
			continue
		}
		at := have.path(s, d, store)
		if stored, ok := p.Storage.Disk(at); ok {
			d.VolumePath, d.DiskUUID, changed = at, stored.UUID, true
		}
	}
	l.slot = *s
	return changed
}

func (p *Provider) datastore(have *pool, s *slot, machine *unstructured.Unstructured) string {
	wanted, _, _ := unstructured.NestedString(machine.Object, "spec", "datastore")
	return p.Storage.Datastore(have.datacenterOf(s), wanted)
}

func forgetDisk(s *slot, path string) bool {
	for i := range s.PersistentDisks {
		if d := &s.PersistentDisks[i]; d.VolumePath == path {
			d.VolumePath, d.DiskUUID = "", ""
			return true
		}
	}
	return false
}

// writeDisks puts what the provider knows of the disks into the spec, and touches nothing else of it.
func writeDisks(o *unstructured.Unstructured, have *pool) error {
	configs, _, err := unstructured.NestedSlice(o.Object, "spec", "configs")
	if err != nil {
		return err
	}
	for i, c := range configs {
		c, s := c.(map[string]any), have.Spec.Configs[i]
		disks, _ := c["persistentDisks"].([]any)
		for i, d := range disks {
			d := d.(map[string]any)
			set(d, "volumePath", s.PersistentDisks[i].VolumePath)
			set(d, "diskUUID", s.PersistentDisks[i].DiskUUID)
		}
	}
	return unstructured.SetNestedSlice(o.Object, configs, "spec", "configs")
}

func set(m map[string]any, key, value string) {
	if value == "" {
		delete(m, key)
		return
	}
	m[key] = value
}

// newMachine is an empty VSphereMachine, for a client to read into.
func newMachine() *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	o.SetAPIVersion(GroupVersionKind().Group + "/" + machineVersion)
	o.SetKind("VSphereMachine")
	return o
}

// machineVersion is the version in which CAPV stores machines.
const machineVersion = "v1beta2"

// conflicts is how often an allocation is tried again when the pool has changed meanwhile.
const conflicts = 5

// update changes the status of a pool, and tries again when somebody else has.
func (p *Provider) update(ctx context.Context, key types.NamespacedName, change func(*pool) error) (*pool, error) {
	var err error
	for range conflicts {
		o := New()
		if err = p.Reader.Get(ctx, key, o); err != nil {
			return nil, err
		}
		have, rerr := read(o)
		if rerr != nil {
			return nil, rerr
		}
		before, rerr := plain(&have.Status)
		if rerr != nil {
			return nil, rerr
		}
		if err := change(have); err != nil {
			return have, err
		}
		now, rerr := plain(&have.Status)
		if rerr != nil {
			return nil, rerr
		}
		if apiequality.Semantic.DeepEqual(before, now) {
			return have, nil
		}
		if err = p.writeStatus(ctx, o, have); !apierrors.IsConflict(err) {
			return have, err
		}
	}
	return nil, fmt.Errorf("transient conflict while allocating slot from pool %s, will retry: %w", key, err)
}
