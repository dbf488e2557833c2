package registry

import (
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// Effect is what clients see of a Fault.
type Effect string

const (
	// Reset tears the connection down without an answer.
	Reset Effect = "reset"
	// Unavailable answers 503.
	Unavailable Effect = "unavailable"
	// Missing answers 404 MANIFEST_UNKNOWN.
	Missing Effect = "missing"
)

// Fault is a defect of the registry. Add and Remove are never hit.
type Fault struct {
	// Repository, or the end of its path, and Tag narrow the requests that are hit; empty: any. A request without a tag
	// has the tag "".
	Repository, Tag string
	// Nth says which matching request is hit, counted from Inject on; 0: each of them.
	Nth    int
	Effect Effect
	// Fired, if set, is called with the request's path each time the fault hits, while the request waits.
	Fired func(path string)
}

// faults are those that are injected. The zero value is ready.
type faults struct {
	mu    sync.Mutex
	armed []*armed
}

type armed struct {
	Fault
	requests int // matching ones so far
}

// Inject arms a fault. heal takes it away; calling it twice is harmless.
func (r *Registry) Inject(f Fault) (heal func()) {
	a := &armed{Fault: f}
	r.faults.mu.Lock()
	defer r.faults.mu.Unlock()
	r.faults.armed = append(r.faults.armed, a)
	return func() {
		r.faults.mu.Lock()
		defer r.faults.mu.Unlock()
		r.faults.armed = slices.DeleteFunc(r.faults.armed, func(o *armed) bool { return o == a })
	}
}

// hit counts a request and returns the fault that it meets, nil in the usual case. The first one armed wins.
func (f *faults) hit(path string) *armed {
	var found *armed
	repository, tag := split(path)
	f.mu.Lock()
	for _, a := range f.armed {
		if a.Repository != "" && !strings.HasSuffix("/"+repository, "/"+a.Repository) || a.Tag != "" && a.Tag != tag {
			continue
		}
		a.requests++
		if found == nil && (a.Nth == 0 || a.Nth == a.requests) {
			found = a
		}
	}
	f.mu.Unlock()
	if found != nil && found.Fired != nil {
		found.Fired(path)
	}
	return found
}

// split finds repository and tag in a path of the distribution API: /v2/REPOSITORY/{manifests/TAG,tags/list,blobs/…}.
func split(path string) (repository, tag string) {
	rest := strings.TrimPrefix(path, "/v2/")
	for _, at := range []string{"/manifests/", "/tags/", "/blobs/"} {
		if i := strings.LastIndex(rest, at); i >= 0 {
			if at == "/manifests/" {
				tag = rest[i+len(at):]
			}
			return rest[:i], tag
		}
	}
	return "", ""
}

// Artifact is what a request is about, by its path: "repository:tag", or a repository alone.
func Artifact(path string) string {
	repository, tag := split(path)
	if tag == "" {
		return repository
	}
	return repository + ":" + tag
}

func (e Effect) answer(w http.ResponseWriter) {
	switch e {
	case Reset:
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return // the client has gone
		}
		_ = conn.(*net.TCPConn).SetLinger(0) // close with a reset, not with an orderly end
		_ = conn.Close()
	case Unavailable:
		http.Error(w, "registry is out of order", http.StatusServiceUnavailable)
	case Missing:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}`))
	default:
		panic("unknown effect " + string(e))
	}
}
