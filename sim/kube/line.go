package kube

import (
	"context"
	"net/http"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/controller-runtime/pkg/controller"

	"github.com/rehearse-dev/rehearse/sim/clock"
)

// Unseen is the user agent of clients that the Line lets pass without a look: the twin's own, and what injects faults.
const Unseen = "rehearse-twin"

// Line is what lies between the management API and its clients, the controllers' and the site's. It sees each request
// before the API server does.
type Line struct {
	clock *clock.Clock
	kinds map[string]string // by "resource.group"
	// onWrite is told of each write of an object, as VERB:KIND, while it waits.
	onWrite func(method string)
	faults  lineFaults
	watches watches
	// reconcile is the id of the reconcile that a request is of, "" when it is of none.
	reconcile func(context.Context) string
}

// NewLine makes the line of a management API with the definitions; onWrite may be nil.
func NewLine(c *clock.Clock, crds []*apiextensionsv1.CustomResourceDefinition, onWrite func(method string)) *Line {
	id := func(ctx context.Context) string { return string(controller.ReconcileIDFromContext(ctx)) }
	l := &Line{clock: c, onWrite: onWrite, reconcile: id, kinds: map[string]string{
		"configmaps.": "ConfigMap", "deployments.apps": "Deployment", "events.": "Event", "namespaces.": "Namespace",
		"secrets.": "Secret"}}
	for _, d := range crds {
		l.kinds[d.Spec.Names.Plural+"."+d.Spec.Group] = d.Spec.Names.Kind
	}
	return l
}

// Wrap lets the requests of a controller manager of this process go over the line, each of which holds the clock while it
// is served. The result fits rest.Config.WrapTransport.
func (l *Line) Wrap(client string) func(http.RoundTripper) http.RoundTripper {
	return func(next http.RoundTripper) http.RoundTripper {
		served := l.clock.WrapTransport(next)
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			l.meet(r)
			if resp, err := l.answer(client, r); resp != nil || err != nil {
				closeBody(r)
				return resp, err
			}
			return served.RoundTrip(r)
		})
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// meet looks at a request before it goes on.
func (l *Line) meet(r *http.Request) {
	if r.UserAgent() == Unseen {
		return
	}
	if w := l.write(r); w != "" && l.onWrite != nil {
		l.onWrite(w)
	}
}

var verbs = map[string]string{http.MethodPost: "create", http.MethodPut: "update", http.MethodPatch: "patch", http.MethodDelete: "delete"}

// write is VERB:KIND of a request that writes an object; "" for everything else: reads, dry runs, subresources and kinds
// that the line does not know.
func (l *Line) write(r *http.Request) string {
	verb := verbs[r.Method]
	if verb == "" || r.URL.Query().Has("dryRun") {
		return ""
	}
	resource, named, sub := resourceOf(r.URL.Path)
	kind := l.kinds[resource]
	if kind == "" || sub || named == (verb == "create") {
		return ""
	}
	return verb + ":" + kind
}

// resourceOf reads the path of a request: "machines.cluster.x-k8s.io", whether it names an object, and whether it is
// about a part of it. For a path that is about no resource it is "".
func resourceOf(path string) (resource string, named, sub bool) {
	p := strings.Split(strings.Trim(path, "/"), "/")
	group := ""
	switch {
	case len(p) >= 3 && p[0] == "api":
		p = p[2:]
	case len(p) >= 4 && p[0] == "apis":
		group, p = p[1], p[3:]
	default:
		return "", false, false
	}
	if len(p) > 2 && p[0] == "namespaces" {
		p = p[2:]
	}
	return p[0] + "." + group, len(p) > 1, len(p) > 2
}
