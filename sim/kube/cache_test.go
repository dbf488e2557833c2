package kube

import (
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rehearse-dev/rehearse/sim/clock"
)

// informers is a cache with an informer for each form of each kind.
type informers struct {
	cache.Cache
	typed, unstructured, other *informer
}

func (c informers) GetInformer(_ context.Context, o client.Object, _ ...cache.InformerGetOption) (cache.Informer, error) {
	switch o.(type) {
	case *corev1.Pod:
		return c.typed, nil
	case *unstructured.Unstructured:
		return c.unstructured, nil
	}
	return c.other, nil
}

type informer struct {
	cache.Informer
	handlers int
}

func (i *informer) AddEventHandler(toolscache.ResourceEventHandler) (toolscache.ResourceEventHandlerRegistration, error) {
	i.handlers++
	return nil, nil
}

// The clock waits for each form in which a kind is watched, once, and for no kind that it was not told of.
func TestEachFormOfAKindIsAwaitedOnce(t *testing.T) {
	under := informers{typed: &informer{}, unstructured: &informer{}, other: &informer{}}
	c := &awaitedCache{Cache: under, scheme: clientgoscheme.Scheme, barrier: clock.New(clock.Options{}).Barrier(),
		kinds: map[schema.GroupKind]bool{}, hooked: map[cache.Informer]bool{}}
	if err := c.await(&corev1.Pod{}); err != nil {
		t.Fatal(err)
	}
	pod := &unstructured.Unstructured{}
	pod.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Pod"))
	for range 2 {
		for _, o := range []client.Object{&corev1.Pod{}, pod, &corev1.Node{}} {
			if _, err := c.GetInformer(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got, want := [3]int{under.typed.handlers, under.unstructured.handlers, under.other.handlers}, [3]int{1, 1, 0}; got != want {
		t.Errorf("handlers of the typed, the unstructured and another kind's informer: got %v, want %v", got, want)
	}
}
