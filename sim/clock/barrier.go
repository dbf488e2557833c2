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

// Barrier knows which writes to the management API have not yet come back through the watches of their kind. The clock
// does not jump before they have: that is exact, where a quiet window alone depends on the machine's load. An event
// that is seen at a later site time than it was written is counted as late.
type Barrier struct {
	c *Clock

	mu      sync.Mutex
	views   map[string][]*view // by group/Kind, one for each informer; writes of other kinds are not waited for
	held    map[objectKey]heldBack
	pending map[objectKey]write
}

type objectKey struct{ kind, namespace, name string }

func (k objectKey) String() string { return k.kind + " " + k.namespace + "/" + k.name }

// view is what an informer has seen. A kind has several when controllers read it in several forms, typed and
// unstructured: each form has a watch of its own.
type view struct {
	seen map[objectKey]int64 // the latest version
	gone map[objectKey]bool  // deleted, or being deleted
}

func (v *view) knows(k objectKey) bool { _, ok := v.seen[k]; return ok }

type write struct {
	version int64   // resourceVersion; 0: a deletion
	behind  []*view // who has not seen it yet
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
	h, before := b.held[k], b.pending[k].behind
	switch {
	case deleted && h.gone, !deleted && version <= h.version:
		return
	case deleted: // who does not know the object never hears of its end
		b.awaitLocked(k, write{site: now}, func(v *view) bool { return !v.gone[k] && (v.knows(k) || slices.Contains(before, v)) })
	default: // it has been seen when it is no change, or when the watch was faster than the reply
		b.awaitLocked(k, write{version: version, site: now}, func(v *view) bool { return version > v.seen[k] })
	}
}

// awaitLocked lets the clock wait until all have seen a write that are behind it.
func (b *Barrier) awaitLocked(k objectKey, w write, behind func(*view) bool) {
	for _, v := range b.views[k.kind] {
		if behind(v) {
			w.behind = append(w.behind, v)
		}
	}
	if len(w.behind) > 0 {
		w.real = Real()
		b.pending[k] = w
	}
}

// addView is one informer more of a kind.
func (b *Barrier) addView(gk schema.GroupKind) *view {
	b.mu.Lock()
	defer b.mu.Unlock()
	v := &view{seen: map[objectKey]int64{}, gone: map[objectKey]bool{}}
	b.views[gk.String()] = append(b.views[gk.String()], v)
	return v
}

// saw records what an informer tells of an object.
func (b *Barrier) saw(v *view, gk schema.GroupKind, o client.Object, deleted bool) {
	b.c.Touch()
	k := objectKey{gk.String(), o.GetNamespace(), o.GetName()}
	version, _ := strconv.ParseInt(o.GetResourceVersion(), 10, 64)
	now := b.c.Now()
	b.mu.Lock()
	v.seen[k] = max(v.seen[k], version)
	v.gone[k] = deleted || o.GetDeletionTimestamp() != nil
	w, ok := b.pending[k]
	if ok && (deleted || w.version == 0 && v.gone[k] || w.version > 0 && w.version <= version) {
		w.behind = slices.DeleteFunc(w.behind, func(x *view) bool { return x == v })
		b.pending[k] = w
	}
	all := ok && len(w.behind) == 0
	if all {
		delete(b.pending, k)
	}
	b.mu.Unlock()
	if all {
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

// Watch hooks an informer of a kind into the barrier.
func (b *Barrier) Watch(gk schema.GroupKind, informer interface {
	AddEventHandler(toolscache.ResourceEventHandler) (toolscache.ResourceEventHandlerRegistration, error)
}) error {
	v := b.addView(gk)
	_, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(x any) { b.saw(v, gk, x.(client.Object), false) },
		UpdateFunc: func(_, x any) { b.saw(v, gk, x.(client.Object), false) },
		DeleteFunc: func(x any) {
			if t, ok := x.(toolscache.DeletedFinalStateUnknown); ok {
				x = t.Obj
			}
			b.saw(v, gk, x.(client.Object), true)
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
