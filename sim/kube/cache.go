package kube

import (
	"context"
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/rehearse-dev/rehearse/sim/clock"
)

// awaitedCache is a cache of controllers that lets the clock wait for the writes of some kinds until every informer of
// theirs has seen them that a controller watches. Cluster API watches the providers' objects unstructured
// (sigs.k8s.io/cluster-api@v1.13.4 controllers/external ObjectTracker.Watch) and the providers watch them typed, each with
// a watch of its own: the slower one must not find that site time has gone on without it.
type awaitedCache struct {
	cache.Cache
	scheme  *runtime.Scheme
	barrier *clock.Barrier

	mu     sync.Mutex
	kinds  map[schema.GroupKind]bool
	hooked map[cache.Informer]bool
}

// newAwaitedCache makes a cache that waits for kinds.
func newAwaitedCache(b *clock.Barrier, cfg *rest.Config, o cache.Options, kinds ...client.Object) (*awaitedCache, error) {
	under, err := cache.New(cfg, o)
	if err != nil {
		return nil, err
	}
	c := &awaitedCache{Cache: under, scheme: o.Scheme, barrier: b, kinds: map[schema.GroupKind]bool{}, hooked: map[cache.Informer]bool{}}
	for _, k := range kinds {
		if err := c.await(k); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// await adds a kind. Call it before anybody watches that kind.
func (c *awaitedCache) await(o client.Object) error {
	gvk, err := apiutil.GVKForObject(o, c.scheme)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kinds[gvk.GroupKind()] = true
	return nil
}

// GetInformer implements cache.Informers. Controllers get what they watch from it.
func (c *awaitedCache) GetInformer(ctx context.Context, o client.Object, opts ...cache.InformerGetOption) (cache.Informer, error) {
	informer, err := c.Cache.GetInformer(ctx, o, opts...)
	if err != nil {
		return nil, err
	}
	gvk, err := apiutil.GVKForObject(o, c.scheme)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.kinds[gvk.GroupKind()] || c.hooked[informer] {
		return informer, nil
	}
	if err := c.barrier.Watch(gvk.GroupKind(), informer); err != nil {
		return nil, fmt.Errorf("watch %s: %w", gvk.Kind, err)
	}
	c.hooked[informer] = true
	return informer, nil
}
