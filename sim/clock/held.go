package clock

import (
	"strconv"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// heldBack is what has come of an object and is held back: nobody has seen it, and nobody is waited for.
type heldBack struct {
	version int64
	gone    bool // deleted, or being deleted
}

// WatchEvent is an event of a watch, as far as the barrier cares.
type WatchEvent struct {
	Kind                             schema.GroupKind
	Namespace, Name, ResourceVersion string
	Deleted                          bool // the object is no more
	Going                            bool // or its deletion has begun
}

// Held records that an event has come and is held back: a write that it shows is not waited for until Delivered.
func (b *Barrier) Held(e WatchEvent) {
	b.c.Touch()
	k := objectKey{e.Kind.String(), e.Namespace, e.Name}
	version, _ := strconv.ParseInt(e.ResourceVersion, 10, 64)
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.views[k.kind]) == 0 {
		return
	}
	h := heldBack{version: max(b.held[k].version, version), gone: e.Deleted || e.Going}
	b.held[k] = h
	if w, ok := b.pending[k]; ok && (w.version == 0 && h.gone || w.version > 0 && w.version <= h.version) {
		delete(b.pending, k)
	}
}

// Delivered records that an event that was held back is on its way: now it is waited for.
func (b *Barrier) Delivered(e WatchEvent) {
	b.c.Touch()
	k := objectKey{e.Kind.String(), e.Namespace, e.Name}
	version, _ := strconv.ParseInt(e.ResourceVersion, 10, 64)
	now := b.c.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, newer := b.pending[k]; newer {
		return
	}
	w := write{version: version, site: now}
	if e.Deleted {
		w.version = 0
	}
	b.awaitLocked(k, w, func(v *view) bool { return version > v.seen[k] && (!e.Deleted || v.knows(k)) })
}
