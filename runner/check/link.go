package check

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"

	"github.com/rehearse-dev/rehearse/runner/journal"
	"github.com/rehearse-dev/rehearse/runner/kube"
)

// Workload is a workload cluster that is observed through its own endpoint.
type Workload struct {
	Cluster string
	Client  interface {
		Resource(m kube.Mapping, namespace string) dynamic.ResourceInterface
	}
	// Ping asks the endpoint for its version, which needs no etcd; the error is why it does not answer.
	Ping func(context.Context) error
}

// The vSphere cloud provider of a workload cluster (000_d64b8bff74bf7917.txt, "Verification").
const (
	providerNamespace = "kube-system"
	providerName      = "vsphere-cloud-controller-manager"
)

var daemonSets = kube.Mapping{
	Kind:     schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "DaemonSet"},
	Resource: schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "daemonsets"}, Namespaced: true,
}

const (
	// knock bounds, in real time, how long an endpoint may take to answer.
	knock = 2 * time.Second
	// soon is the site time between two attempts at an endpoint that does not answer. After a number of them in vain,
	// which is longer than it may be away, it grows up to seldom: each attempt may cost its whole time.
	soon, inVainTimes, seldom = 10 * time.Second, 12, 10 * time.Minute
)

// link is the open connection to a workload cluster: a watch of its cloud provider. That it breaks and cannot be made
// again is what tells that the endpoint does not answer.
type link struct {
	Workload
	provider journal.Body // what was said last
	endpoint journal.Body
}

// attend keeps a link until ctx ends.
func (o *Observer) attend(ctx context.Context, l *link) {
	vain, pause, before := 0, again, true // attempts in vain since it stood, or had another answer
	for ctx.Err() == nil {
		stood := o.linkOnce(ctx, l) == nil
		if ctx.Err() != nil {
			return
		}
		answered := o.knock(ctx, l) == nil
		if stood || answered != before {
			vain, before = 0, answered
		}
		switch {
		case stood && answered:
			pause = again
		case vain < inVainTimes:
			vain, pause = vain+1, soon
			if vain == tooLong && !answered {
				o.remind(l.endpoint)
			}
		default:
			pause = min(seldom, pause+pause/2)
		}
		if o.clock.Sleep(ctx, pause) != nil {
			return
		}
	}
}

// tooLong is the attempt in vain at which an endpoint that does not answer has been away for longer than it may.
const tooLong = failover/int(soon/time.Second) + 1

// remind hands on what was said already, so that it is judged now and not when something else happens: a site whose
// endpoint is away may be silent for long.
func (o *Observer) remind(b journal.Body) {
	defer o.clock.Busy("observer reminds")()
	o.mu.Lock()
	defer o.mu.Unlock()
	_ = o.emit(b)
}

// knock asks whether the endpoint answers, and hands on when that is another answer than before.
func (o *Observer) knock(ctx context.Context, l *link) error {
	defer o.clock.Busy("observer knocks")()
	inner, cancel := context.WithTimeout(ctx, knock)
	defer cancel()
	err := l.Ping(inner)
	if ctx.Err() != nil {
		return nil // it was cut short
	}
	b := journal.Endpoint{Cluster: l.Cluster, Answers: err == nil}
	if err != nil {
		b.Message = oneLine(err.Error())
	}
	o.tell(&l.endpoint, b, func(old journal.Body) bool { return old.(journal.Endpoint).Answers == b.Answers })
	return err
}

// firstLook says what there is before anything is done.
func (o *Observer) firstLook(ctx context.Context, l *link) {
	if _, _, err := o.listProvider(ctx, l); err != nil {
		_ = o.knock(ctx, l) // its answer is what counts, and it is told
	}
}

// linkOnce lists and follows the cloud provider until the connection ends.
func (o *Observer) linkOnce(ctx context.Context, l *link) error {
	from, version, err := o.listProvider(ctx, l)
	if err != nil {
		return err
	}
	w, err := from.Watch(ctx, metav1.ListOptions{ResourceVersion: version, FieldSelector: "metadata.name=" + providerName})
	if err != nil {
		return err
	}
	defer w.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case e, ok := <-w.ResultChan():
			if !ok || e.Type == watch.Error {
				return nil
			}
			o.providerEvent(l, e)
		}
	}
}

func (o *Observer) listProvider(ctx context.Context, l *link) (dynamic.ResourceInterface, string, error) {
	defer o.clock.Busy("observer lists")()
	ctx, cancel := context.WithTimeout(ctx, knock)
	defer cancel()
	from := l.Client.Resource(daemonSets, providerNamespace)
	// From the server's cache, which answers without etcd: it is the endpoint that is asked for.
	all, err := from.List(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + providerName, ResourceVersion: "0"})
	if err != nil {
		return nil, "", fmt.Errorf("observe: list DaemonSets of %s: %w", l.Cluster, err)
	}
	found := journal.CloudProvider{Cluster: l.Cluster, Missing: true}
	for i := range all.Items {
		found = providerOf(l.Cluster, &all.Items[i])
	}
	o.providerSays(l, found)
	o.tell(&l.endpoint, journal.Endpoint{Cluster: l.Cluster, Answers: true}, answers)
	return from, all.GetResourceVersion(), nil
}

func answers(old journal.Body) bool { return old.(journal.Endpoint).Answers }

func (o *Observer) providerEvent(l *link, e watch.Event) {
	defer o.clock.Busy("observer")()
	x, ok := e.Object.(*object)
	switch {
	case !ok:
	case e.Type == watch.Deleted:
		o.providerSays(l, journal.CloudProvider{Cluster: l.Cluster, Missing: true})
	case e.Type == watch.Added || e.Type == watch.Modified:
		o.providerSays(l, providerOf(l.Cluster, x))
	}
}

func (o *Observer) providerSays(l *link, b journal.CloudProvider) {
	o.tell(&l.provider, b, func(old journal.Body) bool { return old == b })
}

// tell hands on what is another thing than was said last. A journal that cannot be written shows at the next step.
func (o *Observer) tell(said *journal.Body, b journal.Body, same func(old journal.Body) bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if *said == nil || !same(*said) {
		*said = b
		_ = o.emit(b)
	}
}

func providerOf(cluster string, o *object) journal.CloudProvider {
	return journal.CloudProvider{Cluster: cluster, Desired: number(o, 0, "status", "desiredNumberScheduled"),
		Available: number(o, 0, "status", "numberAvailable")}
}
