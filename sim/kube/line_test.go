package kube

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"github.com/rehearse-dev/rehearse/sim/clock"
)

var machines = &apiextensionsv1.CustomResourceDefinition{Spec: apiextensionsv1.CustomResourceDefinitionSpec{
	Group: "cluster.x-k8s.io", Names: apiextensionsv1.CustomResourceDefinitionNames{Plural: "machines", Kind: "Machine"}}}

func TestTheLineTellsWhatIsWritten(t *testing.T) {
	var told []string
	l := NewLine(clock.New(clock.Options{}), []*apiextensionsv1.CustomResourceDefinition{machines}, func(method string) { told = append(told, method) })
	passed := 0
	rt := l.Wrap("cluster-api")(roundTripper(func(*http.Request) (*http.Response, error) { passed++; return nil, nil }))
	const ns, all = "/apis/cluster.x-k8s.io/v1beta1/namespaces/a/machines", "/apis/cluster.x-k8s.io/v1beta2/machines"
	for _, c := range []struct{ request, want string }{
		{"POST " + ns, "create:Machine"},
		{"PATCH " + ns + "/m", "patch:Machine"},
		{"PUT " + ns + "/m", "update:Machine"},
		{"DELETE " + ns + "/m", "delete:Machine"},
		{"POST /api/v1/namespaces/a/secrets", "create:Secret"},
		{"POST /api/v1/namespaces", "create:Namespace"},
		{"DELETE /api/v1/namespaces/a", "delete:Namespace"},
		{"GET " + ns + "/m", ""},
		{"GET " + all + "?watch=true", ""},
		{"PATCH " + ns + "/m/status", ""},
		{"PATCH " + ns + "/m?dryRun=All", ""},
		{"DELETE " + ns, ""}, // of a collection
		{"POST /apis/other/v1/namespaces/a/machines", ""},
		{"POST /healthz", ""},
	} {
		told = nil
		method, url, _ := strings.Cut(c.request, " ")
		if _, err := rt.RoundTrip(httptest.NewRequest(method, url, nil)); err != nil {
			t.Fatal(err)
		}
		var want []string
		if c.want != "" {
			want = []string{c.want}
		}
		if !slices.Equal(told, want) {
			t.Errorf("%s: told %q, want %q", c.request, told, want)
		}
	}
	told, passed = nil, 0
	r := httptest.NewRequest(http.MethodPost, ns, nil)
	r.Header.Set("User-Agent", Unseen)
	if _, err := rt.RoundTrip(r); err != nil || len(told) > 0 || passed != 1 {
		t.Errorf("a client of the twin's own: told %q, passed %d, %v, want nothing told", told, passed, err)
	}
}
