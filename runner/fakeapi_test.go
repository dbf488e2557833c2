package runner_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"k8s.io/client-go/rest"
)

// fakeAPI is the little of a Kubernetes API server that the runner's own behaviour needs: discovery, objects with
// versions, watches, merge patches. What a real server does to writes is tested against one, in cluster_test.go.
type fakeAPI struct {
	*httptest.Server
	// fail answers a request in the place of the API server when it returns a status; 1 breaks the connection after the
	// request has had its effect.
	fail    func(method, path string) (status int)
	failing func(method, path string) (status int) // fail, one request at a time
	says    string                                 // the message of such an answer
	away    func(method, path string) bool         // whether nobody listens; nil: somebody does
	cut     string                                 // lists whose path ends in this come in pages, of which the second has expired

	mute bool // watches say nothing

	mu      sync.Mutex
	version int
	objects map[string]object // by path
	log     []change
	changed *sync.Cond
	closed  bool
}

type object = map[string]any

type change struct {
	version    int
	collection string // path of the list
	Type       string `json:"type"`
	Object     object `json:"object"`
}

// served is the table of kinds: group and version, kind, resource.
var served = [][3]string{
	{"v1", "ConfigMap", "configmaps"},
	{"v1", "Event", "events"},
	{"v1", "Secret", "secrets"},
	{"cluster.x-k8s.io/v1beta1", "Machine", "machines"},
	{"cluster.x-k8s.io/v1beta1", "MachineDeployment", "machinedeployments"},
	{"controlplane.cluster.x-k8s.io/v1beta1", "KubeadmControlPlane", "kubeadmcontrolplanes"},
}

func newFakeAPI(t *testing.T) *fakeAPI {
	t.Helper()
	f := &fakeAPI{objects: map[string]object{}, version: 100, says: "made to fail",
		fail: func(string, string) int { return 0 }}
	f.changed = sync.NewCond(&f.mu)
	var one sync.Mutex
	f.failing = func(method, path string) int {
		one.Lock()
		defer one.Unlock()
		return f.fail(method, path)
	}
	f.Server = httptest.NewServer(f)
	t.Cleanup(func() {
		f.mu.Lock()
		f.closed = true
		f.changed.Broadcast()
		f.mu.Unlock()
		f.Server.CloseClientConnections()
		f.Server.Close()
	})
	return f
}

func (f *fakeAPI) config() *rest.Config {
	return &rest.Config{Host: f.URL, WrapTransport: func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if f.away != nil && f.away(r.Method, r.URL.Path) {
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
			}
			return next.RoundTrip(r)
		})
	}}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// put stores an object as a controller would.
func (f *fakeAPI) put(groupVersion, resource string, o object) {
	meta := o["metadata"].(object)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.store(fmt.Sprintf("%s/namespaces/ns/%s/%s", root(groupVersion), resource, meta["name"]), o)
}

func root(groupVersion string) string {
	if groupVersion == "v1" {
		return "/api/v1"
	}
	return "/apis/" + groupVersion
}

func (f *fakeAPI) store(path string, o object) object {
	what := "ADDED"
	old := f.objects[path]
	if old != nil {
		what = "MODIFIED"
		o["metadata"].(object)["resourceVersion"] = old["metadata"].(object)["resourceVersion"]
		if fmt.Sprint(old) == fmt.Sprint(o) {
			return old
		}
	}
	f.version++
	meta := o["metadata"].(object)
	meta["resourceVersion"], meta["namespace"], meta["uid"] = fmt.Sprint(f.version), "ns", path
	f.objects[path] = o
	f.note(what, path, o)
	return o
}

func (f *fakeAPI) note(what, path string, o object) {
	f.log = append(f.log, change{f.version, path[:strings.LastIndexByte(path, '/')], what, clone(o)})
	f.changed.Broadcast()
}

func clone(o object) object {
	raw, _ := json.Marshal(o)
	var c object
	_ = json.Unmarshal(raw, &c)
	return c
}

func (f *fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status := f.failing(r.Method, r.URL.Path)
	if status > 1 {
		refuse(w, status, f.says)
		return
	}
	if f.discover(w, r.URL.Path) {
		return
	}
	if r.URL.Query().Get("watch") != "" {
		f.watch(w, r)
		return
	}
	if f.cut != "" && strings.HasSuffix(r.URL.Path, f.cut) && f.page(w, r) {
		return
	}
	f.mu.Lock()
	code, answer := f.serve(r)
	f.mu.Unlock()
	if status == 1 {
		panic(http.ErrAbortHandler)
	}
	if code >= 400 {
		refuse(w, code, fmt.Sprint(answer))
		return
	}
	reply(w, code, answer)
}

func reply(w http.ResponseWriter, code int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(answer)
}

func refuse(w http.ResponseWriter, code int, message string) {
	reason := map[int]string{404: "NotFound", 409: "AlreadyExists", 410: "Expired", 429: "TooManyRequests", 500: "InternalError"}[code]
	reply(w, code, object{"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message,
		"reason": reason})
}

// discover answers what there is.
func (f *fakeAPI) discover(w http.ResponseWriter, path string) bool {
	var groups []object
	resources := map[string][]object{}
	for _, s := range served {
		resources[s[0]] = append(resources[s[0]], object{"name": s[2], "kind": s[1], "namespaced": true})
		group, version, ok := strings.Cut(s[0], "/")
		v := object{"groupVersion": s[0], "version": version}
		if ok && len(resources[s[0]]) == 1 {
			groups = append(groups, object{"name": group, "versions": []object{v}, "preferredVersion": v})
		}
	}
	switch {
	case path == "/api":
		reply(w, 200, object{"kind": "APIVersions", "versions": []string{"v1"}})
	case path == "/apis":
		reply(w, 200, object{"kind": "APIGroupList", "groups": groups})
	default:
		for gv, l := range resources {
			if path == root(gv) {
				reply(w, 200, object{"kind": "APIResourceList", "groupVersion": gv, "resources": l})
				return true
			}
		}
		return false
	}
	return true
}

// serve reads or writes; it is called with the lock held.
func (f *fakeAPI) serve(r *http.Request) (code int, answer any) {
	path := r.URL.Path
	var body object
	raw, _ := io.ReadAll(r.Body)
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &body); err != nil {
			return 400, err
		}
	}
	old := f.objects[path]
	switch {
	case r.Method == http.MethodPost:
		return 201, f.store(path+"/"+body["metadata"].(object)["name"].(string), body)
	case old == nil && strings.Contains(r.Header.Get("Content-Type"), "apply"):
		return 201, f.store(path, body)
	case old == nil && isObject(path):
		return 404, "not found: " + path
	case old == nil:
		return 200, f.list(path)
	case r.Method == http.MethodPatch:
		return 200, f.store(path, merge(clone(old), body).(object))
	case r.Method == http.MethodDelete:
		f.version++
		delete(f.objects, path)
		f.note("DELETED", path, old)
		return 200, object{"kind": "Status", "apiVersion": "v1", "status": "Success"}
	}
	return 200, old
}

// page answers a list by pages: the first one, and that the next has expired.
func (f *fakeAPI) page(w http.ResponseWriter, r *http.Request) bool {
	switch q := r.URL.Query(); {
	case q.Get("continue") != "":
		refuse(w, 410, "The provided continue parameter is too old")
	case q.Get("limit") != "":
		f.mu.Lock()
		l := f.list(r.URL.Path)
		f.mu.Unlock()
		l["metadata"].(object)["continue"], l["items"] = "more", l["items"].([]object)[:1]
		reply(w, 200, l)
	default:
		return false
	}
	return true
}

// isObject tells the path of an object from that of a list.
func isObject(path string) bool {
	for _, s := range served {
		if strings.HasSuffix(path, "/"+s[2]) {
			return false
		}
	}
	return true
}

func (f *fakeAPI) list(collection string) object {
	var paths []string
	for p := range f.objects {
		if inCollection(collection, p[:strings.LastIndexByte(p, '/')]) {
			paths = append(paths, p)
		}
	}
	slices.Sort(paths)
	items := []object{}
	for _, p := range paths {
		items = append(items, f.objects[p])
	}
	return object{"kind": "List", "apiVersion": "v1", "metadata": object{"resourceVersion": fmt.Sprint(f.version)},
		"items": items}
}

// inCollection also knows the lists of all namespaces.
func inCollection(list, collection string) bool {
	return list == collection || strings.Replace(collection, "/namespaces/ns", "", 1) == list
}

func merge(old, patch any) any {
	p, ok := patch.(object)
	o, isObject := old.(object)
	if !ok {
		return patch
	}
	if !isObject {
		o = object{}
	}
	for k, v := range p {
		if v == nil {
			delete(o, k)
		} else {
			o[k] = merge(o[k], v)
		}
	}
	return o
}

func (f *fakeAPI) watch(w http.ResponseWriter, r *http.Request) {
	var since int
	_, _ = fmt.Sscan(r.URL.Query().Get("resourceVersion"), &since)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(200)
	w.(http.Flusher).Flush()
	f.mu.Lock()
	defer f.mu.Unlock()
	for next := 0; ; f.changed.Wait() {
		for ; next < len(f.log) && !f.mute; next++ {
			if c := f.log[next]; c.version > since && inCollection(r.URL.Path, c.collection) {
				_ = json.NewEncoder(w).Encode(c)
				w.(http.Flusher).Flush()
			}
		}
		if f.closed || r.Context().Err() != nil {
			return
		}
	}
}
