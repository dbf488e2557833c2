package clock

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// Barrier knows which writes to the management API have not yet come back through the watch of their kind. The clock
// does not jump before they have: that is exact, where a quiet window alone depends on the machine's load. An event
// that is seen at a later site time than it was written is counted as late.
type Barrier struct {
	c *Clock

	mu      sync.Mutex
	kinds   map[string]bool // group/Kind that an informer watches; writes of others are not waited for
	seen    map[objectKey]int64
	held    map[objectKey]heldBack
	gone    map[objectKey]bool // deleted, or being deleted
	pending map[objectKey]write
}

type objectKey struct{ kind, namespace, name string }

func (k objectKey) String() string { return k.kind + " " + k.namespace + "/" + k.name }

type write struct {
	version int64 // resourceVersion; 0: a deletion
	real    time.Duration
	site    time.Time
}

// Wrote records a write that the API server has acknowledged with resourceVersion. deleted tells a deletion.
func (b *Barrier) Wrote(gk schema.GroupKind, namespace, name, resourceVersion string, deleted bool) {
	b.c.Touch()
	k := objectKey{gk.String(), namespace, name}
	version, _ := strconv.ParseInt(resourceVersion, 10, 64)
	now := b.c.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case !b.kinds[k.kind]:
		return
	case deleted && (b.gone[k] || b.held[k].gone):
		return
	case !deleted && version <= b.seen[k], !deleted && version <= b.held[k].version: // no change, or the watch was faster than the reply
		return
	case deleted:
		version = 0
	}
	b.pending[k] = write{version: version, real: Real(), site: now}
}

func (b *Barrier) saw(gk schema.GroupKind, o client.Object, deleted bool) {
	b.c.Touch()
	k := objectKey{gk.String(), o.GetNamespace(), o.GetName()}
	version, _ := strconv.ParseInt(o.GetResourceVersion(), 10, 64)
	now := b.c.Now()
	b.mu.Lock()
	b.seen[k] = max(b.seen[k], version)
	b.gone[k] = deleted || o.GetDeletionTimestamp() != nil
	w, ok := b.pending[k]
	done := ok && (deleted || w.version == 0 && b.gone[k] || w.version > 0 && w.version <= version)
	if done {
		delete(b.pending, k)
	}
	b.mu.Unlock()
	if done {
		b.c.countWrite(k, Real()-w.real, now.Sub(w.site))
	}
}

func (c *Clock) countWrite(k objectKey, lag, late time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Writes++
	c.stats.MaxLag = max(c.stats.MaxLag, lag)
	if late > 0 {
		c.lateLocked(fmt.Sprintf("a write of %s, which was seen %s of site time later", k, late))
		c.stats.MaxLate = max(c.stats.MaxLate, late)
	}
}

func (b *Barrier) outstanding() int { b.mu.Lock(); defer b.mu.Unlock(); return len(b.pending) }

// giveUp forgets the outstanding writes and counts them as late.
func (b *Barrier) giveUp() {
	b.mu.Lock()
	l := b.outstandingLocked()
	clear(b.pending)
	b.mu.Unlock()
	for _, what := range l {
		b.c.Late(fmt.Sprintf("a write of %s, which was not seen for %s", what, b.c.o.MaxWait))
	}
}

// Outstanding lists the writes that the clock waits for, for people.
func (b *Barrier) Outstanding() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.outstandingLocked()
}

func (b *Barrier) outstandingLocked() []string {
	var l []string
	for k := range b.pending {
		l = append(l, k.String())
	}
	slices.Sort(l)
	return l
}

// Watch hooks the informer of a kind into the barrier.
func (b *Barrier) Watch(gk schema.GroupKind, informer interface {
	AddEventHandler(toolscache.ResourceEventHandler) (toolscache.ResourceEventHandlerRegistration, error)
}) error {
	b.mu.Lock()
	b.kinds[gk.String()] = true
	b.mu.Unlock()
	_, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(x any) { b.saw(gk, x.(client.Object), false) },
		UpdateFunc: func(_, x any) { b.saw(gk, x.(client.Object), false) },
		DeleteFunc: func(x any) {
			if t, ok := x.(toolscache.DeletedFinalStateUnknown); ok {
				x = t.Obj
			}
			b.saw(gk, x.(client.Object), true)
		},
	})
	return err
}

// wrote records a write through a typed client.
func (b *Barrier) wrote(o client.Object, s *runtime.Scheme, deleted bool) {
	gvk, err := apiutil.GVKForObject(o, s)
	if err != nil {
		return
	}
	b.Wrote(gvk.GroupKind(), o.GetNamespace(), o.GetName(), o.GetResourceVersion(), deleted)
}
