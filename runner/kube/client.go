package kube

import (
	"context"
	"fmt"
	"net/http"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// FieldManager owns the fields that the runner writes, and is the user agent of its requests.
const FieldManager = "rehearse"

// Requests per second that one client may send. Plenty for a runbook, and no burden for an API server in production.
const (
	qps   = 200
	burst = 400
)

// Client speaks to one API server. Its methods may be called from any goroutine.
type Client struct {
	dynamic.Interface
	discovery discovery.DiscoveryInterface

	mu    sync.Mutex // guards kinds
	kinds *Kinds
}

// New makes a client of cfg, which it takes over. warn is called with each warning header of the server; it may be nil.
func New(cfg *rest.Config, warn func(text string)) (*Client, error) {
	cfg.QPS, cfg.Burst = qps, burst
	cfg.UserAgent = FieldManager
	cfg.WarningHandler = warnings(warn)
	cfg.Wrap(withoutRetryAfter)
	d, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("client of %s: %w", cfg.Host, err)
	}
	disco, err := discovery.NewDiscoveryClientForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("client of %s: %w", cfg.Host, err)
	}
	return &Client{Interface: d, discovery: disco}, nil
}

// Resource is the endpoint of a kind in a namespace; "" for kinds without one, and for lists of all namespaces.
func (c *Client) Resource(m Mapping, namespace string) dynamic.ResourceInterface {
	if m.Namespaced && namespace != "" {
		return c.Interface.Resource(m.Resource).Namespace(namespace)
	}
	return c.Interface.Resource(m.Resource)
}

// Resolve finds the kind that is written as "Machine", "machines", "Machine.cluster.x-k8s.io" or
// "Machine.v1beta1.cluster.x-k8s.io"; without a version it takes the one that the server prefers. A kind that is not
// known is looked for once more, because its definition may be new.
func (c *Client) Resolve(name string) (Mapping, error) {
	return c.resolve(func(k *Kinds) (Mapping, error) { return k.Resolve(name) })
}

// ResolveGVK finds exactly that kind.
func (c *Client) ResolveGVK(gvk schema.GroupVersionKind) (Mapping, error) {
	return c.resolve(func(k *Kinds) (Mapping, error) { return k.ResolveGVK(gvk) })
}

func (c *Client) resolve(find func(*Kinds) (Mapping, error)) (Mapping, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kinds != nil {
		if m, err := find(c.kinds); err == nil {
			return m, nil
		}
	}
	groups, lists, err := c.discovery.ServerGroupsAndResources()
	if err != nil && !discovery.IsGroupDiscoveryFailedError(err) { // a group that is down must not hide the others
		return Mapping{}, fmt.Errorf("list the kinds of the server: %w", err)
	}
	c.kinds = NewKinds(groups, lists)
	return find(c.kinds)
}

// Ping asks the server for its version, which it can tell without its storage. The error is why it does not answer; one
// that answers that it is too busy, or that it does not like the client, does.
func (c *Client) Ping(ctx context.Context) error {
	err := c.discovery.RESTClient().Get().AbsPath("/version").MaxRetries(0).Do(ctx).Error()
	if apierrors.IsTooManyRequests(err) || apierrors.IsUnauthorized(err) || apierrors.IsForbidden(err) {
		return nil
	}
	return err
}

// withoutRetryAfter leaves it to the caller to ask again: client-go would sleep as long as the server says, up to ten
// times, in real time and inside the request.
func withoutRetryAfter(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		resp, err := next.RoundTrip(r)
		if resp != nil {
			resp.Header.Del("Retry-After")
		}
		return resp, err
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

type warnings func(string)

// HandleWarningHeader implements rest.WarningHandler.
func (w warnings) HandleWarningHeader(code int, _, text string) {
	if w != nil && code == 299 && text != "" {
		w(text)
	}
}
