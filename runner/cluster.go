package runner

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/runner/kube"
)

// pageSize is how many objects one list request asks for.
const pageSize = 500

// cluster is one cluster as a step or a poll sees it; "" is the management cluster. It implements dsl.Cluster.
type cluster struct {
	*acting
	name string
}

// connect is the client of a cluster, one per run.
func (h *host) connect(ctx context.Context, name string) (*kube.Client, error) {
	if c := h.clusters[name]; c != nil {
		return c, nil
	}
	cfg := h.run.Site.Management()
	if name != "" {
		var err error
		if cfg, err = h.run.Site.Workload(ctx, name); err != nil {
			return nil, fmt.Errorf("connect to cluster %s: %w", name, err)
		}
	}
	c, err := kube.New(rest.CopyConfig(cfg), func(text string) { h.warn("server" + on(name) + ": " + text) })
	if err != nil {
		return nil, err
	}
	h.clusters[name] = c
	return c, nil
}

// on names a workload cluster in a message.
func on(cluster string) string {
	if cluster == "" {
		return ""
	}
	return " on cluster " + cluster
}

// target is an object, or a kind in a namespace, and where it is served.
type target struct {
	mapping         kube.Mapping
	namespace, name string
	dynamic.ResourceInterface
}

func (t *target) String() string {
	return strings.TrimSuffix(named(t.mapping.Kind.Kind, t.namespace, t.name), " ")
}

func named(kind, namespace, name string) string {
	if namespace == "" {
		return kind + " " + name
	}
	return kind + " " + namespace + "/" + name
}

func (c *cluster) op(verb string, what fmt.Stringer) string {
	return verb + " " + what.String() + on(c.name)
}

// find resolves the kind of a reference. An object of a kind with namespaces needs one.
func (c *cluster) find(ctx context.Context, r dsl.Ref, whole bool) (*target, error) {
	op := "find kind " + r.Kind + on(c.name)
	var t *target
	err := c.read(ctx, op, func(ctx context.Context) error {
		client, err := c.host.connect(ctx, c.name)
		if err != nil {
			return err
		}
		m, err := client.Resolve(r.Kind)
		if err != nil {
			return err
		}
		t = &target{mapping: m, namespace: r.Namespace, name: r.Name, ResourceInterface: client.Resource(m, r.Namespace)}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if !t.mapping.Namespaced {
		t.namespace = ""
	} else if whole && r.Namespace == "" {
		return nil, fmt.Errorf("%s%s: got no namespace, want one: the kind has namespaces", t, on(c.name))
	}
	return t, nil
}

// Get implements dsl.Cluster.
func (c *cluster) Get(ctx context.Context, r dsl.Ref) (dsl.Object, error) {
	t, err := c.find(ctx, r, true)
	if err != nil {
		return nil, err
	}
	o, err := c.get(ctx, t)
	if err != nil {
		return nil, err
	}
	return o.Object, nil
}

// get wraps dsl.ErrNotFound for an object that is not there.
func (c *cluster) get(ctx context.Context, t *target) (o *unstructured.Unstructured, err error) {
	err = c.read(ctx, c.op("get", t), func(ctx context.Context) (err error) {
		o, err = t.ResourceInterface.Get(ctx, t.name, metav1.GetOptions{})
		return err
	})
	if apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("%s%s: %w", t, on(c.name), dsl.ErrNotFound)
	}
	return o, err
}

// List implements dsl.Cluster. The objects are sorted by namespace and name.
func (c *cluster) List(ctx context.Context, kind, namespace, labelSelector string) ([]dsl.Object, error) {
	t, err := c.find(ctx, dsl.Ref{Kind: kind, Namespace: namespace}, false)
	if err != nil {
		return nil, err
	}
	return c.list(ctx, t, metav1.ListOptions{LabelSelector: labelSelector})
}

func (c *cluster) list(ctx context.Context, t *target, o metav1.ListOptions) ([]dsl.Object, error) {
	var all []unstructured.Unstructured
	op := fmt.Sprintf("list %s in %s%s", t.mapping.Resource.Resource, orElse(t.namespace, "all namespaces"), on(c.name))
	err := c.read(ctx, op, func(ctx context.Context) error {
		all, o.Continue, o.Limit = nil, "", pageSize
		for {
			l, err := t.ResourceInterface.List(ctx, o)
			if o.Continue != "" && apierrors.IsResourceExpired(err) { // the pages took too long: all at once, then
				all, o.Continue, o.Limit = nil, "", 0
				continue
			}
			if err != nil {
				return err
			}
			all = append(all, l.Items...)
			if o.Continue = l.GetContinue(); o.Continue == "" {
				return nil
			}
		}
	})
	slices.SortFunc(all, func(a, b unstructured.Unstructured) int {
		return cmp.Or(cmp.Compare(a.GetNamespace(), b.GetNamespace()), cmp.Compare(a.GetName(), b.GetName()))
	})
	objects := make([]dsl.Object, len(all))
	for i := range all {
		objects[i] = all[i].Object
	}
	return objects, err
}

// Events implements dsl.Cluster. The oldest comes first.
func (c *cluster) Events(ctx context.Context, r dsl.Ref) ([]dsl.Object, error) {
	about, err := c.find(ctx, r, true)
	if err != nil {
		return nil, err
	}
	t, err := c.find(ctx, dsl.Ref{Kind: "Event.v1", Namespace: orElse(about.namespace, metav1.NamespaceDefault)}, false)
	if err != nil {
		return nil, err
	}
	l, err := c.list(ctx, t, metav1.ListOptions{FieldSelector: fields.Set{
		"involvedObject.kind": about.mapping.Kind.Kind, "involvedObject.name": about.name}.String()})
	slices.SortStableFunc(l, func(a, b dsl.Object) int { return cmp.Compare(lastSeen(a), lastSeen(b)) })
	return l, err
}

// lastSeen is a time in a form that sorts.
func lastSeen(event dsl.Object) string {
	for _, k := range []string{"lastTimestamp", "eventTime"} {
		if s, _ := event[k].(string); s != "" {
			return s
		}
	}
	return ""
}
