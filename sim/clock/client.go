package clock

import (
	"context"
	"net/http"
	"strings"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

// NewClient is a client.NewClientFunc for manager.Options: a client whose writes the barrier waits for.
func (b *Barrier) NewClient(cfg *rest.Config, o client.Options) (client.Client, error) {
	c, err := client.NewWithWatch(cfg, o)
	if err != nil {
		return nil, err
	}
	note := func(x client.Object, deleted bool, err error) error {
		if err == nil {
			b.wrote(x, c.Scheme(), deleted)
		}
		return err
	}
	return interceptor.NewClient(c, interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, x client.Object, o ...client.CreateOption) error {
			return note(x, false, c.Create(ctx, x, o...))
		},
		Update: func(ctx context.Context, c client.WithWatch, x client.Object, o ...client.UpdateOption) error {
			return note(x, false, c.Update(ctx, x, o...))
		},
		Patch: func(ctx context.Context, c client.WithWatch, x client.Object, p client.Patch, o ...client.PatchOption) error {
			return note(x, false, c.Patch(ctx, x, p, o...))
		},
		Delete: func(ctx context.Context, c client.WithWatch, x client.Object, o ...client.DeleteOption) error {
			return note(x, true, c.Delete(ctx, x, o...))
		},
		SubResourceUpdate: func(ctx context.Context, c client.Client, sub string, x client.Object, o ...client.SubResourceUpdateOption) error {
			return note(x, false, c.SubResource(sub).Update(ctx, x, o...))
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, x client.Object, p client.Patch, o ...client.SubResourcePatchOption) error {
			return note(x, false, c.SubResource(sub).Patch(ctx, x, p, o...))
		},
	}), nil
}

// WrapTransport counts requests in flight as work, streams excepted. It fits rest.Config.WrapTransport.
func (c *Clock) WrapTransport(rt http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if Streams(r) {
			return rt.RoundTrip(r)
		}
		defer c.Busy("request")()
		return rt.RoundTrip(r)
	})
}

// Streams tells whether a request to a Kubernetes API stays open: a watch, a port-forward, an exec.
func Streams(r *http.Request) bool {
	q := r.URL.Query()
	if q.Get("watch") == "true" || q.Get("watch") == "1" || q.Get("follow") == "true" {
		return true
	}
	for _, s := range []string{"/portforward", "/exec", "/attach"} {
		if strings.HasSuffix(r.URL.Path, s) {
			return true
		}
	}
	return false
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
