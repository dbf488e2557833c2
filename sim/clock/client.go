package clock

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

// NewClient is a client.NewClientFunc for manager.Options: a client whose writes the barrier waits for. It does not know
// what DeleteAllOf deletes; no controller of a twin uses that.
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
		Apply: func(ctx context.Context, c client.WithWatch, x runtime.ApplyConfiguration, o ...client.ApplyOption) error {
			return b.noteApplied(x, c.Apply(ctx, x, o...))
		},
		SubResourceApply: func(ctx context.Context, c client.Client, sub string, x runtime.ApplyConfiguration, o ...client.SubResourceApplyOption) error {
			return b.noteApplied(x, c.SubResource(sub).Apply(ctx, x, o...))
		},
		SubResourceUpdate: func(ctx context.Context, c client.Client, sub string, x client.Object, o ...client.SubResourceUpdateOption) error {
			return note(x, false, c.SubResource(sub).Update(ctx, x, o...))
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, x client.Object, p client.Patch, o ...client.SubResourcePatchOption) error {
			return note(x, false, c.SubResource(sub).Patch(ctx, x, p, o...))
		},
	}), nil
}

// noteApplied records a server-side apply. Its reply was read into the configuration, whatever type that has.
func (b *Barrier) noteApplied(x runtime.ApplyConfiguration, err error) error {
	if err != nil {
		return err
	}
	text, err := json.Marshal(x)
	if err != nil {
		return err
	}
	o := &metav1.PartialObjectMetadata{}
	if err := json.Unmarshal(text, o); err != nil {
		return err
	}
	b.Wrote(o.GroupVersionKind().GroupKind(), o.Namespace, o.Name, o.ResourceVersion, false)
	return nil
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
