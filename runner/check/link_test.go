package check

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/rehearse-dev/rehearse/runner/journal"
	"github.com/rehearse-dev/rehearse/runner/kube"
)

// workload is a workload cluster without a server, whose endpoint can go away.
type workload struct {
	*fake.FakeDynamicClient
	away    atomic.Bool
	watches chan *watch.FakeWatcher
}

func newWorkload(objects ...runtime.Object) *workload {
	w := &workload{watches: make(chan *watch.FakeWatcher, 10), FakeDynamicClient: fake.NewSimpleDynamicClientWithCustomListKinds(
		runtime.NewScheme(), map[schema.GroupVersionResource]string{daemonSets.Resource: "DaemonSetList"}, objects...)}
	refused := errors.New("dial tcp 192.0.2.9:6443: connect: connection refused")
	w.PrependReactor("list", "*", func(clienttesting.Action) (bool, runtime.Object, error) { return w.away.Load(), nil, refused })
	w.PrependWatchReactor("*", func(clienttesting.Action) (bool, watch.Interface, error) {
		if w.away.Load() {
			return true, nil, refused
		}
		f := watch.NewFake()
		w.watches <- f
		return true, f, nil
	})
	return w
}

func (w *workload) Resource(m kube.Mapping, namespace string) dynamic.ResourceInterface {
	return w.FakeDynamicClient.Resource(m.Resource).Namespace(namespace)
}

func (w *workload) ping(context.Context) error {
	if w.away.Load() {
		return errors.New("connection refused")
	}
	return nil
}

func provider(desired, available int64) *object {
	return &object{Object: map[string]any{"apiVersion": "apps/v1", "kind": "DaemonSet",
		"metadata": map[string]any{"name": providerName, "namespace": providerNamespace},
		"status":   map[string]any{"desiredNumberScheduled": desired, "numberAvailable": available}}}
}

// steady is a clock that wakes a sleeper at each tick, and keeps what is said; without ticks at once.
type steady struct {
	slept atomic.Int64
	ticks chan struct{}
	said  chan string
}

func (c *steady) Sleep(ctx context.Context, d time.Duration) error {
	c.slept.Add(int64(d / time.Second))
	if c.ticks != nil {
		select {
		case <-c.ticks:
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

func (c *steady) Busy(string) func() { return func() {} }

func (c *steady) emit(b journal.Body) error {
	c.said <- fmt.Sprintf("%T%+v", b, b)
	return nil
}

func (c *steady) await(t *testing.T, want ...string) {
	t.Helper()
	for _, w := range want {
		select {
		case got := <-c.said:
			if diff := cmp.Diff(w, got); diff != "" {
				t.Fatal("(-want +got):\n" + diff)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("waited 20s for %s", w)
		}
	}
}

func attended(t *testing.T, w *workload) (*steady, *Observer) {
	t.Helper()
	c := &steady{said: make(chan string, 100), ticks: make(chan struct{})}
	management := newSite(t, "v1beta2")
	o, err := Observe(t.Context(), management, c, Scope{Workloads: []Workload{{Cluster: "prod-a", Client: w, Ping: w.ping}}}, c.emit)
	if err != nil {
		t.Fatal(err)
	}
	return c, o
}

func TestAWorkloadClusterIsObservedFromInside(t *testing.T) {
	w := newWorkload(provider(3, 3))
	c, o := attended(t, w)
	c.await(t, "journal.CloudProvider{Cluster:prod-a Desired:3 Available:3 Missing:false}",
		"journal.Endpoint{Cluster:prod-a Answers:true Message:}")
	f := <-w.watches
	f.Modify(provider(3, 3)) // no news
	f.Modify(provider(4, 3))
	f.Delete(provider(4, 3))
	c.await(t, "journal.CloudProvider{Cluster:prod-a Desired:4 Available:3 Missing:false}",
		"journal.CloudProvider{Cluster:prod-a Desired:0 Available:0 Missing:true}")
	if err := o.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAnEndpointThatCannotBeReachedAgainIsTold(t *testing.T) {
	w := newWorkload(provider(3, 3))
	c, o := attended(t, w)
	c.await(t, "journal.CloudProvider{Cluster:prod-a Desired:3 Available:3 Missing:false}",
		"journal.Endpoint{Cluster:prod-a Answers:true Message:}")
	connection := <-w.watches
	w.away.Store(true)
	connection.Stop()
	c.await(t, "journal.Endpoint{Cluster:prod-a Answers:false Message:connection refused}")
	w.away.Store(false)
	c.ticks <- struct{}{}
	c.await(t, "journal.Endpoint{Cluster:prod-a Answers:true Message:}")
	if err := o.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// A watch that ends by itself, as the server ends each after a while, is not an endpoint that is away.
func TestAWatchThatEndsIsNoNews(t *testing.T) {
	w := newWorkload()
	c, o := attended(t, w)
	c.await(t, "journal.CloudProvider{Cluster:prod-a Desired:0 Available:0 Missing:true}",
		"journal.Endpoint{Cluster:prod-a Answers:true Message:}")
	for range 2 {
		(<-w.watches).Stop()
		c.ticks <- struct{}{}
	}
	<-w.watches
	if err := o.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if len(c.said) > 0 {
		t.Errorf("got %s, want nothing more", <-c.said)
	}
}

// An endpoint that stays away is asked less and less, since each attempt may cost its whole time.
func TestAnEndpointThatStaysAwayIsAskedSeldom(t *testing.T) {
	o := &Observer{clock: &steady{said: make(chan string, 10)}}
	c := o.clock.(*steady)
	o.emit = c.emit
	w := newWorkload()
	w.away.Store(true)
	ctx, stop := context.WithCancel(t.Context())
	asked := 0
	o.attend(ctx, &link{Workload: Workload{Cluster: "prod-a", Client: w, Ping: func(ctx context.Context) error {
		if asked++; asked == 40 {
			stop()
		}
		return w.ping(ctx)
	}}})
	if hours := float64(c.slept.Load()) / 3600; hours < 2 {
		t.Errorf("got 40 attempts in %.1f hours, want them to last for longer", hours)
	}
	if n := len(c.said); n != 2 {
		t.Errorf("it was told %d times, want when it went away and when it had been away for too long", n)
	}
}

// Each outage is reminded of when it has lasted for too long, and asked about often at first, however long the one
// before it was.
func TestEachOutageIsRemindedOfInTime(t *testing.T) {
	attempts := []int{40, 3, tooLong + 1}
	c, w := &steady{}, newWorkload()
	ctx, stop := context.WithCancel(t.Context())
	var got []string
	began, asked, outage := int64(0), 0, 0
	o := &Observer{clock: c, emit: func(b journal.Body) error {
		switch e, ok := b.(journal.Endpoint); {
		case !ok:
		case e.Answers:
			began = 0
		case began == 0:
			began = c.slept.Load() + 1
		default:
			got = append(got, fmt.Sprintf("outage %d: reminded after %d s", outage+1, c.slept.Load()+1-began))
		}
		return nil
	}}
	go func() {
		for range attempts {
			connection := <-w.watches
			w.away.Store(true)
			connection.Stop()
		}
		<-w.watches
		stop()
	}()
	o.attend(ctx, &link{Workload: Workload{Cluster: "prod-a", Client: w, Ping: func(ctx context.Context) error {
		err := w.ping(ctx)
		if asked++; err != nil && asked == attempts[outage] {
			w.away.Store(false)
			asked, outage = 0, outage+1
		}
		return err
	}}})
	if diff := cmp.Diff([]string{"outage 1: reminded after 60 s", "outage 3: reminded after 60 s"}, got); diff != "" {
		t.Error("(-want +got):\n" + diff)
	}
}
