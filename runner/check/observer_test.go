package check

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/rehearse-dev/rehearse/runner/journal"
	"github.com/rehearse-dev/rehearse/runner/kube"
)

// site is a management cluster without a server.
type site struct {
	*fake.FakeDynamicClient
	served string // the version of Cluster API
	busy   atomic.Int64
	slept  atomic.Int64

	mu     sync.Mutex
	events []string
	heard  chan struct{}
}

func newSite(t *testing.T, served string, objects ...runtime.Object) *site {
	t.Helper()
	lists := map[schema.GroupVersionResource]string{}
	for _, k := range kinds {
		gv := schema.GroupVersion{Group: k.group, Version: served}
		lists[gv.WithResource(strings.ToLower(k.name)+"s")] = k.name + "List"
	}
	return &site{served: served, heard: make(chan struct{}, 100),
		FakeDynamicClient: fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), lists, objects...)}
}

func (s *site) Resolve(name string) (kube.Mapping, error) {
	l := strings.SplitN(name, ".", 3)
	if l[1] != s.served || slices.Contains([]string{"VSphereMachineConfigPool", "VSphereMachineTemplate"}, l[0]) {
		return kube.Mapping{}, &kube.UnknownKind{Name: name}
	}
	gv := schema.GroupVersion{Group: l[2], Version: l[1]}
	return kube.Mapping{Kind: gv.WithKind(l[0]), Resource: gv.WithResource(strings.ToLower(l[0]) + "s"),
		Namespaced: true}, nil
}

func (s *site) Resource(m kube.Mapping, namespace string) dynamic.ResourceInterface {
	return s.FakeDynamicClient.Resource(m.Resource).Namespace(namespace)
}

func (s *site) Sleep(ctx context.Context, _ time.Duration) error {
	s.slept.Add(1)
	return ctx.Err()
}

func (s *site) Busy(string) func() {
	s.busy.Add(1)
	return func() { s.busy.Add(-1) }
}

func (s *site) emit(b journal.Body) error {
	if s.busy.Load() == 0 {
		return fmt.Errorf("%v is emitted while site time may move", b)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch b := b.(type) {
	case journal.Machine:
		s.events = append(s.events, "machine "+b.Name+" "+b.Phase)
	case journal.ControlPlane:
		s.events = append(s.events, fmt.Sprintf("control plane %s %d", b.Name, b.Replicas))
	default:
		s.events = append(s.events, fmt.Sprintf("%T", b))
	}
	s.heard <- struct{}{}
	return nil
}

// await takes the next n events.
func (s *site) await(t *testing.T, n int) []string {
	t.Helper()
	for range n {
		select {
		case <-s.heard:
		case <-time.After(20 * time.Second):
			t.Fatalf("waited 20s for %d events, got %v", n, s.events)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.events
	s.events = nil
	return l
}

func (s *site) observe(t *testing.T, scope Scope) *Observer {
	t.Helper()
	o, err := Observe(t.Context(), s, s, scope, s.emit)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func (s *site) machines() dynamic.ResourceInterface {
	gvr := schema.GroupVersionResource{Group: "cluster.x-k8s.io", Version: s.served, Resource: "machines"}
	return s.FakeDynamicClient.Resource(gvr).Namespace("ns")
}

func thing(kind, group, cluster, name, phase string) *object {
	return &object{Object: map[string]any{
		"apiVersion": group + "/v1beta1", "kind": kind,
		"metadata": map[string]any{"name": name, "namespace": "ns", "labels": map[string]any{clusterLabel: cluster}},
		"spec":     map[string]any{"replicas": int64(3)}, "status": map[string]any{"phase": phase},
	}}
}

func machineThing(cluster, name, phase string) *object {
	return thing("Machine", "cluster.x-k8s.io", cluster, name, phase)
}

func TestWhatIsThereIsEmittedFirstOwnersBeforeMachines(t *testing.T) {
	s := newSite(t, "v1beta1", machineThing("prod-a", "b", "Running"), machineThing("prod-a", "a", "Running"),
		machineThing("prod-b", "x", "Running"),
		thing("KubeadmControlPlane", "controlplane.cluster.x-k8s.io", "prod-a", "prod-a", ""))
	o := s.observe(t, Scope{Namespaces: []string{"ns"}, Clusters: []string{"prod-a"}})
	want := []string{"control plane prod-a 3", "machine a Running", "machine b Running"}
	if diff := cmp.Diff(want, s.await(t, 3)); diff != "" {
		t.Error("events (-want +got):\n" + diff)
	}
	if err := o.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if len(s.heard) > 0 || s.busy.Load() != 0 {
		t.Errorf("got events %v and %d busy tokens at the end, want none", s.events, s.busy.Load())
	}
}

func TestChangesAreEmittedAndRepetitionsAreNot(t *testing.T) {
	s := newSite(t, "v1beta1", machineThing("prod-a", "a", "Running"))
	started := make(chan struct{}, 10)
	s.PrependWatchReactor("machines", func(a clienttesting.Action) (bool, watch.Interface, error) {
		w, err := s.Tracker().Watch(a.GetResource(), a.GetNamespace())
		started <- struct{}{}
		return true, w, err
	})
	o := s.observe(t, Scope{Namespaces: []string{"ns"}})
	s.await(t, 1)
	<-started
	same := machineThing("prod-a", "a", "Running")
	same.SetAnnotations(map[string]string{"unimportant": "yes"})
	for _, m := range []*object{same, machineThing("prod-a", "a", "Deleting")} {
		if _, err := s.machines().Update(t.Context(), m, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.machines().Create(t.Context(), machineThing("prod-a", "b", "Pending"),
		metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := s.machines().Delete(t.Context(), "a", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	want := []string{"machine a Deleting", "machine b Pending", "machine a Deleted"}
	if diff := cmp.Diff(want, s.await(t, 3)); diff != "" {
		t.Error("events (-want +got):\n" + diff)
	}
	if err := o.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestWhatABrokenWatchMissedIsSeenAtTheEnd(t *testing.T) {
	s := newSite(t, "v1beta1", machineThing("prod-a", "a", "Running"))
	s.PrependWatchReactor("*", func(clienttesting.Action) (bool, watch.Interface, error) {
		return true, watch.NewFake(), nil // says nothing
	})
	o := s.observe(t, Scope{Namespaces: []string{"ns"}})
	s.await(t, 1)
	if err := s.machines().Delete(t.Context(), "a", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := o.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := s.await(t, 1); got[0] != "machine a Deleted" {
		t.Errorf("got %v", got)
	}
}

func TestAWatchThatFailsStartsOverWithAList(t *testing.T) {
	s := newSite(t, "v1beta1", machineThing("prod-a", "a", "Running"))
	var once sync.Once
	s.PrependWatchReactor("machines", func(clienttesting.Action) (bool, watch.Interface, error) {
		err := error(nil)
		once.Do(func() { // the machine comes while nobody watches
			err = fmt.Errorf("too old")
			_ = s.Tracker().Create(schema.GroupVersionResource{Group: "cluster.x-k8s.io", Version: s.served,
				Resource: "machines"}, machineThing("prod-a", "b", "Pending"), "ns")
		})
		return true, watch.NewFake(), err
	})
	o := s.observe(t, Scope{Namespaces: []string{"ns"}})
	if got := s.await(t, 2); got[1] != "machine b Pending" {
		t.Errorf("got %v", got)
	}
	if s.slept.Load() == 0 {
		t.Error("it tried again without waiting for site time to pass")
	}
	if err := o.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestTheStoredVersionIsWatched(t *testing.T) {
	for _, served := range versions {
		o := &Observer{client: newSite(t, served)}
		if err := o.find(); err != nil {
			t.Fatal(err)
		}
		if len(o.feeds) != 3 { // all but pools and templates, which this site does not have
			t.Errorf("%s: got %d kinds, want 3", served, len(o.feeds))
		}
	}
}
