package kube

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/rehearse-dev/rehearse/sim/clock"
)

// PreferredVersion is the version of the Cluster API groups that the site's documents use, so that a plain
// `kubectl edit kubeadmcontrolplane` shows their field paths (000_d64b8bff74bf7917.txt). The other served version
// stays reachable by its full name.
const PreferredVersion = "v1beta1"

// Front is what people and runbooks reach as the management cluster's API: a reverse proxy that changes nothing but
// the preferred version in discovery, and tells the clock of requests in flight and of writes. The caller's own
// credentials go through to the API server.
type Front struct {
	Config *rest.Config // the administrator's, through the front

	server *http.Server
	clock  *clock.Clock
	line   *Line
	below  string // see AfterWrites
	after  func()
}

// StartFront serves on a free port of 127.0.0.1 until Close.
func StartFront(m *Management, c *clock.Clock, line *Line) (*Front, error) {
	target, err := url.Parse(m.Config.Host)
	if err != nil {
		return nil, err
	}
	// Only the trust in the API server is ours; a bearer token of ours would make every caller an administrator.
	transport, err := rest.TransportFor(&rest.Config{Host: m.Config.Host, TLSClientConfig: rest.TLSClientConfig{CAData: m.Config.CAData}})
	if err != nil {
		return nil, err
	}
	ca, err := NewCA("management-front-ca")
	if err != nil {
		return nil, err
	}
	crt, key, err := ca.Sign(Leaf{CommonName: "management", DNS: []string{"localhost"}, IPs: loopback})
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(crt, key)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("management API front: %w", err)
	}
	f := &Front{clock: c, line: line}
	f.Config = &rest.Config{Host: "https://" + l.Addr().String(), BearerToken: m.Config.BearerToken, QPS: -1, WrapTransport: line.dial, TLSClientConfig: rest.TLSClientConfig{CAData: ca.PEM}}
	proxy := &httputil.ReverseProxy{Transport: transport, FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) { f.rewrite(r, target) },
		ModifyResponse: f.modify, ErrorLog: log.New(io.Discard, "", 0)}
	f.server = &http.Server{Handler: f.count(proxy), TLSConfig: &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12},
		ErrorLog: log.New(io.Discard, "", 0)}
	go f.server.ServeTLS(l, "", "") //nolint:errcheck // ends with Close
	return f, nil
}

// AfterWrites has do called after each write below a path of the API, while site time still stands. Call it before
// anybody uses the front.
func (f *Front) AfterWrites(path string, do func()) { f.below, f.after = path, do }

// Close ends all connections.
func (f *Front) Close() { _ = f.server.Close() }

// count holds site time while a request is in flight.
func (f *Front) count(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.clock.Touch()
		if !clock.Streams(r) {
			defer f.clock.Busy("site request")()
			f.line.meet(r)
			if f.line.serve(w, r) {
				return
			}
		}
		h.ServeHTTP(w, r)
		if f.after != nil && r.Method != http.MethodGet && strings.HasPrefix(r.URL.Path, f.below) {
			f.after()
		}
	})
}

func (f *Front) rewrite(r *httputil.ProxyRequest, target *url.URL) {
	r.SetURL(target)
	if isDiscovery(r.In.URL.Path) { // we have to read it, and it must not come from a cache of ours or theirs
		h := r.Out.Header
		h.Set("Accept", strings.ReplaceAll(h.Get("Accept"), "application/vnd.kubernetes.protobuf", "application/json"))
		h.Del("Accept-Encoding")
		h.Del("If-None-Match")
	}
}

// modify reorders discovery and reports writes to the barrier. The preferred version is not called deprecated.
func (f *Front) modify(r *http.Response) error {
	q := r.Request
	if warnings := r.Header.Values("Warning"); len(warnings) > 0 {
		r.Header["Warning"] = slices.DeleteFunc(warnings, func(w string) bool { return strings.Contains(w, "cluster.x-k8s.io/"+PreferredVersion+" ") })
	}
	switch {
	case r.StatusCode == http.StatusOK && isDiscovery(q.URL.Path):
		return replaceBody(r, preferVersion)
	case r.StatusCode < 300 && q.Method != http.MethodGet && strings.Contains(q.URL.Path, clusterAPIGroups+"/"):
		return replaceBody(r, func(b []byte) []byte { f.wrote(b); return b })
	}
	return nil
}

func replaceBody(r *http.Response, edit func([]byte) []byte) error {
	if r.Header.Get("Content-Encoding") != "" {
		return nil // only JSON in the clear is of interest
	}
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	_ = r.Body.Close()
	b = edit(b)
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
	r.Header.Set("Content-Length", fmt.Sprint(len(b)))
	r.Header.Del("ETag")
	return nil
}

func (f *Front) wrote(b []byte) {
	var o struct {
		APIVersion, Kind string
		Metadata         struct{ Namespace, Name, ResourceVersion string }
	}
	if json.Unmarshal(b, &o) != nil || o.Metadata.ResourceVersion == "" {
		return
	}
	gv, err := schema.ParseGroupVersion(o.APIVersion)
	if err != nil {
		return
	}
	f.clock.Barrier().Wrote(schema.GroupKind{Group: gv.Group, Kind: o.Kind}, o.Metadata.Namespace, o.Metadata.Name, o.Metadata.ResourceVersion, false)
}

const clusterAPIGroups = "cluster.x-k8s.io"

// isDiscovery matches /apis and /apis/<group>.
func isDiscovery(path string) bool {
	p := strings.Split(strings.Trim(path, "/"), "/")
	return p[0] == "apis" && len(p) <= 2
}

// preferVersion puts PreferredVersion first in the three forms of discovery: an APIGroup, an APIGroupList, and the
// aggregated APIGroupDiscoveryList, in which the first version is the preferred one.
func preferVersion(b []byte) []byte {
	var o map[string]any
	if json.Unmarshal(b, &o) != nil {
		return b
	}
	groups, _ := o["groups"].([]any)
	items, _ := o["items"].([]any)
	for _, g := range append(append([]any{o}, groups...), items...) {
		if g, ok := g.(map[string]any); ok {
			preferInGroup(g)
		}
	}
	out, err := json.Marshal(o)
	if err != nil {
		return b
	}
	return out
}

func preferInGroup(g map[string]any) {
	name, _ := g["name"].(string)
	if md, ok := g["metadata"].(map[string]any); ok {
		name, _ = md["name"].(string)
	}
	if !strings.HasSuffix(name, clusterAPIGroups) {
		return
	}
	versions, _ := g["versions"].([]any)
	for i, v := range versions {
		v, ok := v.(map[string]any)
		if !ok || v["version"] != PreferredVersion {
			continue
		}
		versions[0], versions[i] = versions[i], versions[0]
		if _, ok := g["preferredVersion"]; ok {
			g["preferredVersion"] = v
		}
		return
	}
}

// Ready asks the API server through the front.
func (f *Front) Ready(ctx context.Context) error { return apiReady(f.Config, false)(ctx) }
