package sim

import (
	"strings"
	"testing"

	"github.com/rehearse-dev/rehearse/fakes/fakekit/fakeclock"
	"github.com/rehearse-dev/rehearse/fakes/registry"
)

func TestAnImageIsThereIfTheWorldDoesNotSayOtherwise(t *testing.T) {
	r, err := registry.Start(registry.Config{Clock: fakeclock.New(), Artifacts: []string{"tkestack/coredns:1.12.4"}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	site := images{registry: r.URL(), hosts: []string{"registry.site:11443", r.Host()}}
	missing := `failed to resolve reference "registry.site:11443/tkestack/coredns:1.14.2": ` +
		`registry.site:11443/tkestack/coredns:1.14.2: not found`
	for name, c := range map[string]struct {
		fault *registry.Fault
		image string
		want  string // in the error; "": it can be had
	}{
		"what the world lists":              {nil, "registry.site:11443/tkestack/coredns:1.12.4", ""},
		"by the twin's own address":         {nil, r.Host() + "/tkestack/coredns:1.12.4", ""},
		"another tag of what it lists":      {nil, "registry.site:11443/tkestack/coredns:1.14.2", missing},
		"what the world says nothing about": {nil, "registry.site:11443/shop/web:1.7.2", ""},
		"another host":                      {nil, "docker.io/library/nginx", ""},
		"no host":                           {nil, "nginx", ""},
		"a digest":                          {nil, "registry.site:11443/shop/web@sha256:0123", ""},
		"an image that went missing": {&registry.Fault{Repository: "shop/web", Tag: "1.7.2", Effect: registry.Missing},
			"registry.site:11443/shop/web:1.7.2", "code = NotFound"},
		"a registry out of order": {&registry.Fault{Effect: registry.Unavailable}, "registry.site:11443/shop/web:1.7.2",
			"503 Service Unavailable"},
		"a registry that is gone": {&registry.Fault{Effect: registry.Reset}, "registry.site:11443/shop/web:1.7.2",
			"failed to do request"},
		"another host meanwhile": {&registry.Fault{Effect: registry.Reset}, "docker.io/library/nginx", ""},
	} {
		heal := func() {}
		if c.fault != nil {
			heal = r.Inject(*c.fault)
		}
		err := site.pull(t.Context(), c.image)
		heal()
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: got %v, want no error", name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: got %v, want %q in it", name, err, c.want)
		}
	}
}
