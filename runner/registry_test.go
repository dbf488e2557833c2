package runner_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/runner"
)

// tagsOf asks a registry served by h for the tags of acp/chart.
func tagsOf(t *testing.T, h http.HandlerFunc, user *url.Userinfo) (tags []string, err error) {
	t.Helper()
	server := httptest.NewTLSServer(h)
	defer server.Close()
	s := newSite(t, newFakeAPI(t).config())
	s.registry, _ = url.Parse(server.URL)
	s.registry.User = user
	newRig(t, s).run(t, steps(action{read("a"), func(ctx context.Context, s dsl.Site) (dsl.Result, error) {
		tags, err = s.Registry().Tags(ctx, "acp/chart")
		return dsl.Result{}, nil
	}}))
	return tags, err
}

func TestTagsOfSeveralPages(t *testing.T) {
	tags, err := tagsOf(t, func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); r.URL.Path != "/v2/acp/chart/tags/list" || user != "bob" || password != "pw" {
			t.Errorf("got %s as %s", r.URL, user)
		}
		if r.URL.Query().Get("last") == "" {
			w.Header().Set("Link", `</v2/acp/chart/tags/list?last=v4.2.15>; rel="next"`)
			fmt.Fprint(w, `{"tags":["v4.1.25","v4.2.15"]}`)
			return
		}
		fmt.Fprint(w, `{"tags":["v4.3.4"]}`)
	}, url.UserPassword("bob", "pw"))
	if err != nil || strings.Join(tags, " ") != "v4.1.25 v4.2.15 v4.3.4" {
		t.Errorf("got %v, %v", tags, err)
	}
}

func TestARepositoryThatIsNotThere(t *testing.T) {
	_, err := tagsOf(t, http.NotFound, nil)
	if !errors.Is(err, dsl.ErrNotFound) || err.Error() != "list tags of acp/chart: not found" {
		t.Errorf("got %v", err)
	}
}

func TestARegistryThatIsAwayForAMoment(t *testing.T) {
	asked := 0
	tags, err := tagsOf(t, func(w http.ResponseWriter, _ *http.Request) {
		if asked++; asked < 3 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		fmt.Fprint(w, `{"tags":["a"]}`)
	}, nil)
	if err != nil || len(tags) != 1 || asked != 3 {
		t.Errorf("got %v, %v after %d requests", tags, err, asked)
	}
}

func TestARegistryThatRefuses(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"the registry says 401 Unauthorized": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) },
		"the registry's next page is not on it": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Link", `<https://elsewhere.example.com/v2/>; rel="next"`)
			fmt.Fprint(w, `{"tags":[]}`)
		},
	} {
		if _, err := tagsOf(t, h, nil); err == nil || !strings.HasSuffix(err.Error(), name) {
			t.Errorf("got %v, want …%s", err, name)
		}
	}
}

func TestWhoseCertificateIsTakenAsItIs(t *testing.T) {
	for text, want := range map[string]bool{
		"https://127.0.0.1:8989/sdk": true, "https://localhost/sdk": true, "https://[::1]/sdk": true,
		"https://vc.example.com/sdk": false, "https://vc.example.com/sdk?insecure=true": true, "https://10.0.0.1/sdk": false,
	} {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := runner.Insecure(u); got != want {
			t.Errorf("%s: got %v, want %v", text, got, want)
		}
	}
}
