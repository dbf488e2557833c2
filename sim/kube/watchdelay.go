package kube

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/rehearse-dev/rehearse/sim/clock"
)

// WatchDelay lets the events of the controllers' watches come late.
type WatchDelay struct {
	Kind  string // empty: each kind of Cluster API
	Delay time.Duration
	Hit   func(kind string) // told for each change that is held back; a bookmark is none
}

// watches are the delays that are armed, and the streams that hold something back.
type watches struct {
	mu      sync.Mutex
	armed   []*WatchDelay
	streams map[*stream]bool
	dues    map[clock.WatchEvent]time.Time // when what was held back first in one stream comes, in all
}

// due is when a change comes that this stream would let through at own. All streams of a kind let it through at the same
// site time, also one that reads it after site time has moved: the clock does not wait for a change that is held back.
func (w *watches) due(e clock.WatchEvent, own time.Time) time.Time {
	if e.ResourceVersion == "" {
		return own // it is no change
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if first, ok := w.dues[e]; ok {
		return first
	}
	if w.dues == nil {
		w.dues = map[clock.WatchEvent]time.Time{}
	}
	w.dues[e] = own
	return own
}

// DelayWatches arms a delay until heal is called, which delivers at once what is held back.
func (l *Line) DelayWatches(d WatchDelay) (heal func()) {
	l.watches.mu.Lock()
	defer l.watches.mu.Unlock()
	a := &d
	l.watches.armed = append(l.watches.armed, a)
	return func() {
		l.watches.mu.Lock()
		l.watches.armed = slices.DeleteFunc(l.watches.armed, func(x *WatchDelay) bool { return x == a })
		l.watches.dues = nil
		var held []*stream
		for s := range l.watches.streams {
			held = append(held, s)
		}
		l.watches.mu.Unlock()
		for _, s := range held {
			s.flush()
		}
	}
}

// delay is the delay that a kind's watches have now, nil in the usual case.
func (w *watches) delay(kind string) *WatchDelay {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range w.armed {
		if a.Kind == "" || a.Kind == kind {
			return a
		}
	}
	return nil
}

// Watch lets the watches of Cluster API's kinds go over the line. It fits rest.Config.WrapTransport.
func (l *Line) Watch(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		resp, err := next.RoundTrip(r)
		resource, _, _ := resourceOf(r.URL.Path)
		kind := l.kinds[resource]
		if err != nil || !r.URL.Query().Has("watch") || kind == "" || !strings.HasSuffix(resource, clusterAPIGroups) ||
			!strings.Contains(resp.Header.Get("Content-Type"), "json") {
			return resp, err
		}
		_, group, _ := strings.Cut(resource, ".")
		s := &stream{line: l, kind: schema.GroupKind{Group: group, Kind: kind}, src: resp.Body}
		s.moved = sync.NewCond(&s.mu)
		resp.Body = s
		return resp, nil
	})
}

// stream is the body of a watch: a line of JSON for each event. Until the first event is held back it only passes bytes
// on; from then on a goroutine reads, so that events that come meanwhile are held back from when they came.
type stream struct {
	line *Line
	kind schema.GroupKind
	src  io.ReadCloser
	part bool // what was passed on last was no whole event

	mu     sync.Mutex
	moved  *sync.Cond
	taken  bool // the goroutine reads
	ready  []byte
	held   []*heldEvent
	err    error
	closed bool
}

// heldEvent is an event on its way.
type heldEvent struct {
	line   []byte
	due    time.Time
	cancel func()
}

// Read implements io.Reader for one reader.
func (s *stream) Read(p []byte) (int, error) {
	s.mu.Lock()
	taken := s.taken
	s.mu.Unlock()
	if !taken {
		n, err := s.src.Read(p)
		if n == 0 || err != nil || s.line.watches.delay(s.kind.Kind) == nil {
			s.part = n > 0 && p[n-1] != '\n' || n == 0 && s.part
			return n, err
		}
		s.take(bytes.Clone(p[:n]))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.ready) == 0 && s.err == nil && !s.closed {
		s.moved.Wait()
	}
	if len(s.ready) == 0 {
		if s.err != nil {
			return 0, s.err
		}
		return 0, io.EOF
	}
	n := copy(p, s.ready)
	s.ready = s.ready[n:]
	return n, nil
}

// take hands the reading over to a goroutine; begun is what was read already.
func (s *stream) take(begun []byte) {
	s.mu.Lock()
	s.taken = true
	if s.part { // the end of an event whose beginning is out
		i := bytes.IndexByte(begun, '\n') + 1
		if i == 0 {
			i = len(begun)
		}
		s.ready, begun = begun[:i], begun[i:]
	}
	s.mu.Unlock()
	s.line.watches.mu.Lock()
	if s.line.watches.streams == nil {
		s.line.watches.streams = map[*stream]bool{}
	}
	s.line.watches.streams[s] = true
	s.line.watches.mu.Unlock()
	go s.pump(bufio.NewReader(io.MultiReader(bytes.NewReader(begun), s.src)))
}

func (s *stream) pump(r *bufio.Reader) {
	for {
		event, err := r.ReadBytes('\n')
		if len(event) > 0 {
			s.hold(event)
		}
		if err != nil {
			s.mu.Lock()
			s.err = err
			s.moved.Broadcast()
			s.mu.Unlock()
			return
		}
	}
}

// hold keeps an event for the delay that there is now, and never lets it overtake one that came before.
func (s *stream) hold(event []byte) {
	done := s.line.clock.Busy("watch of " + s.kind.Kind)
	defer done()
	d, now, what := s.line.watches.delay(s.kind.Kind), s.line.clock.Now(), s.watched(event)
	h := &heldEvent{line: event, due: now}
	if d != nil {
		h.due = s.line.watches.due(what, now.Add(d.Delay))
	}
	s.mu.Lock()
	if n := len(s.held); n > 0 && s.held[n-1].due.After(h.due) {
		h.due = s.held[n-1].due
	}
	s.held = append(s.held, h)
	if !h.due.After(now) {
		s.deliverLocked(len(s.held))
		s.mu.Unlock()
		return
	}
	s.line.clock.Barrier().Held(what)
	h.cancel = s.line.clock.After("watch of "+s.kind.Kind, h.due.Sub(now), func() { s.deliver(h) })
	s.mu.Unlock()
	if d != nil && d.Hit != nil && what.Kind == s.kind {
		d.Hit(s.kind.Kind)
	}
}

// deliver lets an event through, and those that came before it.
func (s *stream) deliver(h *heldEvent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deliverLocked(slices.Index(s.held, h) + 1)
}

// flush lets everything through.
func (s *stream) flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deliverLocked(len(s.held))
}

// deliverLocked lets the first n events through. The clock waits until the informer has seen them.
func (s *stream) deliverLocked(n int) {
	for _, h := range s.held[:n] {
		if h.cancel != nil {
			h.cancel()
			s.line.clock.Barrier().Delivered(s.watched(h.line))
		}
		s.ready = append(s.ready, h.line...)
	}
	s.held = s.held[n:]
	s.moved.Broadcast()
}

var changes = []watch.EventType{watch.Added, watch.Modified, watch.Deleted}

// watched is what the barrier wants to know of an event; of one that is no change of an object, as a bookmark, nothing.
func (s *stream) watched(event []byte) clock.WatchEvent {
	var e struct {
		Type   watch.EventType
		Object struct {
			Metadata struct {
				Namespace, Name, ResourceVersion string
				DeletionTimestamp                *string
			}
		}
	}
	if json.Unmarshal(event, &e) != nil || !slices.Contains(changes, e.Type) {
		return clock.WatchEvent{} // of no kind that the barrier waits for
	}
	m := e.Object.Metadata
	return clock.WatchEvent{Kind: s.kind, Namespace: m.Namespace, Name: m.Name, ResourceVersion: m.ResourceVersion,
		Deleted: e.Type == watch.Deleted, Going: m.DeletionTimestamp != nil}
}

// Close implements io.Closer.
func (s *stream) Close() error {
	s.line.watches.mu.Lock()
	delete(s.line.watches.streams, s)
	s.line.watches.mu.Unlock()
	s.mu.Lock()
	s.closed = true
	for _, h := range s.held {
		h.cancel()
		s.line.clock.Barrier().Delivered(s.watched(h.line)) // by the next watch, which begins where this one was
	}
	s.held = nil
	s.moved.Broadcast()
	s.mu.Unlock()
	return s.src.Close()
}
