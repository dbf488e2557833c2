package registry_test

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/rehearse-dev/rehearse/fakes/fakekit/fakeclock"
	"github.com/rehearse-dev/rehearse/fakes/registry"
)

const chart, image = "acp/chart-cpaas-kube-ovn:v4.3.5", "tkestack/coredns:v1.12.4"

func start(t *testing.T, artifacts ...string) *registry.Registry {
	t.Helper()
	r, err := registry.Start(registry.Config{Clock: fakeclock.New(), Artifacts: artifacts})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func head(t *testing.T, r *registry.Registry, artifact string) error {
	t.Helper()
	ref, err := name.ParseReference(r.Host()+"/"+artifact, name.StrictValidation)
	if err != nil {
		t.Fatal(err)
	}
	_, err = remote.Head(ref, remote.WithContext(t.Context()))
	return err
}

func TestArtifactsComeAndGo(t *testing.T) {
	r := start(t, chart, image)
	for _, a := range []string{chart, image} {
		if err := head(t, r, a); err != nil {
			t.Errorf("%s: %v", a, err)
		}
	}
	ref, err := name.ParseReference(r.Host() + "/" + chart)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := remote.Image(ref, remote.WithContext(t.Context())); err != nil {
		t.Errorf("pull: %v", err)
	}
	repo, err := name.NewRepository(r.Host() + "/acp/chart-cpaas-kube-ovn")
	if err != nil {
		t.Fatal(err)
	}
	tags, err := remote.List(repo, remote.WithContext(t.Context()))
	if want := []string{"v4.3.5"}; err != nil || !slices.Equal(tags, want) {
		t.Errorf("tags: got %v %v, want %v", tags, err, want)
	}
	if err := r.Remove(chart); err != nil {
		t.Fatal(err)
	}
	if err := head(t, r, chart); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("after removal: got %v, want 404", err)
	}
	if err := r.Remove(chart); err == nil {
		t.Error("removing it twice: got no error")
	}
	if err := r.Add(chart); err != nil || head(t, r, chart) != nil {
		t.Errorf("after adding it again: %v, %v", err, head(t, r, chart))
	}
}

func TestBadArtifactsAreRefused(t *testing.T) {
	for _, a := range []string{"", "no-tag", "UPPER/case:v1", "repo:"} {
		if _, err := registry.Start(registry.Config{Clock: fakeclock.New(), Artifacts: []string{a}}); err == nil {
			t.Errorf("%q: got no error, want one", a)
		}
	}
}

func TestFaults(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault registry.Fault
		want  []string // of HEAD chart, HEAD image, HEAD chart; "" is success
	}{
		{"unreachable", registry.Fault{Effect: registry.Reset}, []string{"reset", "reset", "reset"}},
		{"out of order for one repository",
			registry.Fault{Repository: "tkestack/coredns", Effect: registry.Unavailable}, []string{"", "503", ""}},
		{"out of order for what ends with a path",
			registry.Fault{Repository: "coredns", Effect: registry.Unavailable}, []string{"", "503", ""}},
		{"a missing manifest", registry.Fault{Tag: "v4.3.5", Effect: registry.Missing}, []string{"404", "", "404"}},
		{"the second request only", registry.Fault{
			Repository: "acp/chart-cpaas-kube-ovn", Tag: "v4.3.5", Nth: 2, Effect: registry.Missing,
		}, []string{"", "", "404"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := start(t, chart, image)
			var fired atomic.Int32
			tt.fault.Fired = func(string) { fired.Add(1) }
			heal := r.Inject(tt.fault)
			for i, a := range []string{chart, image, chart} {
				resp, err := request(t, r, a)
				got := "reset"
				if err == nil {
					got = map[int]string{200: "", 404: "404", 503: "503"}[resp]
				}
				if got != tt.want[i] {
					t.Errorf("request %d: got %q (%v), want %q", i, got, err, tt.want[i])
				}
			}
			if fired.Load() == 0 {
				t.Error("the fault never fired")
			}
			heal()
			heal()
			if err := head(t, r, chart); err != nil {
				t.Errorf("after healing: %v", err)
			}
		})
	}
}

// request is a plain HEAD on a connection of its own.
func request(t *testing.T, r *registry.Registry, artifact string) (int, error) {
	t.Helper()
	repo, tag, _ := strings.Cut(artifact, ":")
	u := r.URL().JoinPath("v2", repo, "manifests", tag)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodHead, u.String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}
