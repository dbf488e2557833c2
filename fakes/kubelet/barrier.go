package kubelet

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/ptr"

	"github.com/rehearse-dev/rehearse/fakes/fakekit"
)

// patience is the real time after which a write that our watch has not shown is given up, and counted as late: a machine
// that runs several twins may not get to a process for seconds.
const patience = 10 * time.Second

// Barrier holds site time still from a write of a pod or node until our own watch has shown it. Without it site time
// could run on while the news of what we just did is still on its way to the controllers.
type Barrier struct {
	clock fakekit.Clock

	mu      sync.Mutex
	seen    map[string]sight
	pending map[string][]*pending
}

// sight is the last that the watch has shown of an object.
type sight struct {
	version         uint64
	ending, deleted bool
}

type pending struct {
	version  uint64 // what the watch must reach
	deletion bool   // or that it must show the object's end
	release  func()
}

func newBarrier(c fakekit.Clock) *Barrier {
	return &Barrier{clock: c, seen: map[string]sight{}, pending: map[string][]*pending{}}
}

// watch hooks an informer of resource ("pods", "nodes").
func (b *Barrier) watch(resource string, inf cache.SharedInformer) error {
	_, err := inf.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { b.saw(resource, o, false) },
		UpdateFunc: func(_, o any) { b.saw(resource, o, false) },
		DeleteFunc: func(o any) {
			if t, ok := o.(cache.DeletedFinalStateUnknown); ok {
				o = t.Obj
			}
			b.saw(resource, o, true)
		},
	})
	return err
}

func (b *Barrier) saw(resource string, o any, deleted bool) {
	m, err := meta.Accessor(o)
	if err != nil {
		return
	}
	key := objectKey(resource, m.GetNamespace(), m.GetName())
	s := sight{version: version(m.GetResourceVersion()), ending: m.GetDeletionTimestamp() != nil, deleted: deleted}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seen[key] = s
	var left []*pending
	for _, p := range b.pending[key] {
		if p.met(s) {
			p.release()
		} else {
			left = append(left, p)
		}
	}
	if b.pending[key] = left; len(left) == 0 {
		delete(b.pending, key)
	}
}

func (p *pending) met(s sight) bool { return s.deleted || !p.deletion && s.version >= p.version }

func objectKey(resource, namespace, name string) string {
	return resource + "/" + namespace + "/" + name
}

func version(s string) uint64 { v, _ := strconv.ParseUint(s, 10, 64); return v }

// WrapTransport makes the writes of a client wait, as to site time. It fits rest.Config.WrapTransport.
func (b *Barrier) WrapTransport(rt http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		t, ok := targetOf(r)
		if !ok {
			return rt.RoundTrip(r)
		}
		release := b.clock.Busy("write to " + t.resource)
		b.mu.Lock()
		before := b.seen[objectKey(t.resource, t.namespace, t.name)]
		b.mu.Unlock()
		resp, err := rt.RoundTrip(r)
		if err != nil || resp.StatusCode >= 300 {
			release()
			return resp, err
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil {
			release()
			return nil, err
		}
		resp.Body = io.NopCloser(bytes.NewReader(body))
		b.wait(t, before, body, release)
		return resp, nil
	})
}

// target is what a request writes.
type target struct {
	resource, namespace, name string
	deletion, eviction        bool
}

// targetOf recognises writes of single pods and nodes.
func targetOf(r *http.Request) (target, bool) {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return target{}, false
	}
	p := strings.Split(strings.TrimPrefix(r.URL.Path, "/api/v1/"), "/")
	t := target{deletion: r.Method == http.MethodDelete}
	if len(p) > 2 && p[0] == "namespaces" {
		t.namespace, p = p[1], p[2:]
	}
	if t.resource = p[0]; t.resource != "pods" && t.resource != "nodes" {
		return target{}, false
	}
	if len(p) > 1 {
		t.name = p[1]
	}
	t.eviction = len(p) > 2 && p[2] == "eviction"
	return t, !(t.deletion && t.name == "")
}

// wait releases when the watch has shown what the API server has acknowledged.
func (b *Barrier) wait(t target, before sight, body []byte, release func()) {
	var o struct {
		Kind     string            `json:"kind"`
		Metadata metav1.ObjectMeta `json:"metadata"`
	}
	if json.Unmarshal(body, &o) != nil {
		release()
		return
	}
	if t.name == "" {
		t.name = o.Metadata.Name
	}
	p := &pending{version: version(o.Metadata.ResourceVersion), release: release}
	switch {
	case t.eviction && before.ending: // evicted again: nothing changes
		release()
		return
	case t.eviction:
		p.version = before.version + 1
	case t.deletion && p.version <= before.version && ptr.Deref(o.Metadata.DeletionGracePeriodSeconds, 0) == 0:
		p.deletion = true // gone at once; the reply does not say with which version
	case p.version <= before.version: // no change
		release()
		return
	}
	key := objectKey(t.resource, t.namespace, t.name)
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := b.seen[key]; s != before && p.met(s) { // the watch was faster than the reply
		release()
		return
	}
	b.pending[key] = append(b.pending[key], p)
	time.AfterFunc(patience, func() { b.giveUp(key, p) })
}

func (b *Barrier) giveUp(key string, p *pending) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, x := range b.pending[key] {
		if x == p {
			b.pending[key] = append(b.pending[key][:i], b.pending[key][i+1:]...)
			b.clock.Late("the watch of " + key)
			p.release()
		}
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
