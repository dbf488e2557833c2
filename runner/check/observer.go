package check

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"

	"github.com/rehearse-dev/rehearse/runner/journal"
	"github.com/rehearse-dev/rehearse/runner/kube"
)

// Scope says what is observed. The zero value is everything on the management cluster.
type Scope struct {
	Namespaces []string // none: all
	Clusters   []string // none: all
	Workloads  []Workload
	// Disks tells which of the virtual disks, given by their paths, are on which VMs; nil: nobody looks. It is asked
	// when a pool that has persistent disks, or a machine of the site, has changed.
	Disks func(ctx context.Context, paths []string) ([]journal.Disk, error)
}

// Clock is the site's clock, as the runner's.
type Clock interface {
	Sleep(ctx context.Context, d time.Duration) error
	Busy(what string) (done func())
}

// Client is what the Observer needs of kube.Client.
type Client interface {
	Resolve(name string) (kube.Mapping, error)
	Resource(m kube.Mapping, namespace string) dynamic.ResourceInterface
}

// kind is a kind of object that is watched.
type kind struct {
	name  string
	group string
	is    func(*object) journal.Body // what an event says about it
	gone  func(*object) journal.Body // what it says when the object is no more
}

// kinds is the table of what is watched, in the order in which it is first listed: owners before what they own.
var kinds = []kind{
	{"KubeadmControlPlane", "controlplane.cluster.x-k8s.io", controlPlaneOf, controlPlaneGone},
	{"MachineDeployment", "cluster.x-k8s.io", deploymentOf, deploymentGone},
	{"VSphereMachineTemplate", "infrastructure.cluster.x-k8s.io", templateOf, templateGone},
	{"VSphereMachineConfigPool", "infrastructure.cluster.x-k8s.io", poolOf, poolGone},
	{"Machine", "cluster.x-k8s.io", machineOf, machineGone},
}

// versions of Cluster API, the stored one first: a watch of another version costs the server one call of a conversion
// webhook per event.
var versions = []string{"v1beta2", "v1beta1"}

// Observer watches the machines of the management cluster and hands on what changes. Start it with Observe and end it
// with Close.
type Observer struct {
	client Client
	clock  Clock
	scope  Scope
	emit   func(journal.Body) error
	feeds  []*feed
	stop   context.CancelFunc
	done   sync.WaitGroup

	mu    sync.Mutex              // guards the seen of all feeds and disks, and keeps what is emitted in order
	disks map[string]journal.Disk // that pools name, as they were told last; without a path: not told
}

// feed is one kind in one namespace.
type feed struct {
	kind
	from dynamic.ResourceInterface
	seen map[string]*sighting
}

type sighting struct {
	object *object
	body   journal.Body
}

// Observe lists what there is, emits it, and goes on watching on goroutines of its own until Close. A kind that the
// site does not have is left out. Emit is called for one change at a time, with site time standing still.
func Observe(ctx context.Context, c Client, clock Clock, s Scope, emit func(journal.Body) error) (*Observer, error) {
	o := &Observer{client: c, clock: clock, scope: s, emit: emit, disks: map[string]journal.Disk{}}
	defer clock.Busy("observer starts")()
	if err := o.find(); err != nil {
		return nil, err
	}
	versions := make([]string, len(o.feeds))
	for i, f := range o.feeds {
		var err error
		if versions[i], err = o.list(ctx, f); err != nil {
			return nil, fmt.Errorf("observe: list %s: %w", f.name, err)
		}
	}
	ctx, o.stop = context.WithCancel(ctx)
	for i, f := range o.feeds {
		o.done.Go(func() { o.watch(ctx, f, versions[i]) })
	}
	for _, w := range s.Workloads {
		l := &link{Workload: w}
		o.firstLook(ctx, l)
		o.done.Go(func() { o.attend(ctx, l) })
	}
	return o, nil
}

// Close stops watching and looks one last time, so that nothing that was done before the call is missed.
func (o *Observer) Close(ctx context.Context) error {
	o.stop()
	o.done.Wait()
	defer o.clock.Busy("observer ends")()
	var errs []error
	for _, f := range o.feeds {
		if _, err := o.list(ctx, f); err != nil {
			errs = append(errs, fmt.Errorf("observe: list %s: %w", f.name, err))
		}
	}
	return errors.Join(errs...)
}

// find asks which kinds there are, and in which version.
func (o *Observer) find() error {
	namespaces := o.scope.Namespaces
	if len(namespaces) == 0 {
		namespaces = []string{metav1.NamespaceAll}
	}
	for _, k := range kinds {
		m, err := o.resolve(k)
		var unknown *kube.UnknownKind
		if errors.As(err, &unknown) {
			continue
		}
		if err != nil {
			return fmt.Errorf("observe: %w", err)
		}
		for _, ns := range namespaces {
			o.feeds = append(o.feeds, &feed{kind: k, from: o.client.Resource(m, ns), seen: map[string]*sighting{}})
		}
	}
	return nil
}

func (o *Observer) resolve(k kind) (m kube.Mapping, err error) {
	for _, v := range versions {
		if m, err = o.client.Resolve(k.name + "." + v + "." + k.group); err == nil {
			return m, nil
		}
	}
	return m, err
}

// list compares what there is with what was seen.
func (o *Observer) list(ctx context.Context, f *feed) (resourceVersion string, err error) {
	l, err := f.from.List(ctx, metav1.ListOptions{})
	if err != nil {
		return "", err
	}
	there := map[string]bool{}
	slices.SortFunc(l.Items, func(a, b object) int { return compareObjects(&a, &b) })
	for i := range l.Items {
		there[nameOf(&l.Items[i])] = true
		if err := o.sees(ctx, f, &l.Items[i], always); err != nil {
			return "", err
		}
	}
	o.mu.Lock()
	missing := slices.DeleteFunc(slices.Sorted(maps.Keys(f.seen)), func(n string) bool { return there[n] })
	o.mu.Unlock()
	for _, n := range missing {
		if err := o.misses(f, n); err != nil {
			return "", err
		}
	}
	return l.GetResourceVersion(), nil
}

// sees hands on an object that is new or differs in what an event says, if it is news at all.
func (o *Observer) sees(ctx context.Context, f *feed, x *object, is news) error {
	if c := clusterOf(x); c != "" && len(o.scope.Clusters) > 0 && !slices.Contains(o.scope.Clusters, c) {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	body, name := f.is(x), nameOf(x)
	old := f.seen[name]
	if !is(old, x) {
		return nil
	}
	if old != nil && sameBody(old.body, body) {
		old.object = x
		return nil
	}
	f.seen[name] = &sighting{object: x, body: body}
	if err := o.lookAtDisks(ctx, body); err != nil {
		return err
	}
	return o.emit(body)
}

// misses hands on that an object is no more.
func (o *Observer) misses(f *feed, name string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	old := f.seen[name]
	if old == nil {
		return nil
	}
	delete(f.seen, name)
	return o.emit(f.gone(old.object))
}
