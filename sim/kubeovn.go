package sim

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/yaml"

	infrav1 "sigs.k8s.io/cluster-api-provider-vsphere/api/govmomi/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	"github.com/rehearse-dev/rehearse/fakes/kubeovn"
	"github.com/rehearse-dev/rehearse/sim/kube"
)

// startControllers starts the providers' controllers, the delivery of Kube-OVN and the machine config pools.
func (t *Twin) startControllers(context.Context) error {
	c, err := t.controllers.Client(kube.VSphereProvider)
	if err != nil {
		return err
	}
	t.provider = kubeovn.NewProvider(c, func(_ context.Context, c types.NamespacedName) (client.Client, error) {
		w, err := t.workload(c.Name)
		if err != nil {
			return nil, err
		}
		return w.client, nil
	})
	err = ctrl.NewControllerManagedBy(t.controllers.Manager).Named("kube-ovn").WithOptions(t.controllers.Options(kube.VSphereProvider, 1, time.Second)).
		For(&clusterv1.Cluster{}, builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}))).
		Watches(&infrav1.VSphereCluster{}, handler.EnqueueRequestsFromMapFunc(clusterOfInfra)).
		Watches(&clusterv1.Machine{}, handler.EnqueueRequestsFromMapFunc(clusterOfMachine), builder.WithPredicates(comesOrGoes)).
		Complete(reconcile.Func(func(ctx context.Context, r reconcile.Request) (reconcile.Result, error) {
			after, err := t.provider.Reconcile(ctx, r.NamespacedName)
			if w, werr := t.workload(r.Name); werr == nil && w.releases != nil {
				w.releases.look() // it may have written one; site time must not pass before the operator has seen it
			}
			return reconcile.Result{RequeueAfter: after}, err
		}))
	if err != nil {
		return fmt.Errorf("kube-ovn provider: %w", err)
	}
	if err := t.watchPools(); err != nil {
		return err
	}
	if t.from == nil {
		return t.controllers.Start(t.run, t.fail)
	}
	var clusters []client.ObjectKey
	for _, w := range t.workloads {
		clusters = append(clusters, client.ObjectKey{Namespace: w.namespace, Name: w.name})
	}
	return t.controllers.Resume(t.run, clusters, t.fail)
}

// clusterOfInfra is the Cluster that owns a VSphereCluster.
func clusterOfInfra(_ context.Context, o client.Object) []reconcile.Request {
	for _, r := range o.GetOwnerReferences() {
		if r.Kind == "Cluster" {
			return []reconcile.Request{{NamespacedName: client.ObjectKey{Namespace: o.GetNamespace(), Name: r.Name}}}
		}
	}
	return nil
}

// clusterOfMachine is the Cluster of a control-plane machine.
func clusterOfMachine(_ context.Context, o client.Object) []reconcile.Request {
	l := o.GetLabels()
	if _, ok := l[clusterv1.MachineControlPlaneLabel]; !ok {
		return nil
	}
	return []reconcile.Request{{NamespacedName: client.ObjectKey{Namespace: o.GetNamespace(), Name: l[clusterv1.ClusterNameLabel]}}}
}

// comesOrGoes is all that the provider wants to know of a machine.
var comesOrGoes = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	return e.ObjectOld.GetDeletionTimestamp().IsZero() != e.ObjectNew.GetDeletionTimestamp().IsZero()
}}

// releases runs the AppRelease operator of a workload cluster on site time.
type releases struct {
	w        *workload
	operator *kubeovn.Operator

	mu     sync.Mutex // one Reconcile at a time
	cancel func()     // of the next one
}

// startReleases installs the API of AppReleases and makes their operator.
func (w *workload) startReleases(ctx context.Context) error {
	if w.t.from == nil {
		if err := w.installCRD(ctx, kubeovn.CRD()); err != nil {
			return err
		}
	}
	d := w.t.plan.durations
	latency := kubeovn.DefaultLatency()
	latency.Downloading, latency.Upgrading, latency.HealthChecking = d.Of("app-release-download"), d.Of("app-release-upgrade"), d.Of("app-release-health")
	r := &releases{w: w, operator: kubeovn.NewOperator(w.t.clock, latency, w.fetch(fetchPatience)), cancel: func() {}}
	w.releases = r
	if w.t.o.Provision {
		return r.watch()
	}
	return nil // a cluster that is found running has one already: watch, once it is written
}

// fetchPatience is how long, in real time, the registry of this process may take to answer; site time stands meanwhile.
const fetchPatience = 10 * time.Second

// fetch asks for charts as the site's network would: the twin's registry stands for the one that the world's Cluster
// names, and nobody answers at any other address. Nothing outside this process is ever dialled, and an answer that takes
// more than most, in real time, is none.
func (w *workload) fetch(most time.Duration) kubeovn.Fetch {
	direct := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true}, // no proxy of the environment
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	head := kubeovn.Head(direct, func(repoURL string) (*url.URL, error) {
		if u := w.t.registry.URL(); repoURL == u.Host || repoURL == w.registry {
			return u, nil
		}
		host, _, _ := strings.Cut(repoURL, ":")
		return nil, fmt.Errorf("dial tcp: lookup %s: no such host", host)
	})
	return func(ctx context.Context, repoURL, chart, revision string) error {
		// Not a deadline: it would be an instant of time.Now, which follows the clock's jumps. A timer is real.
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		defer time.AfterFunc(most, func() { cancel(errors.New("i/o timeout")) }).Stop()
		err := head(ctx, repoURL, chart, revision)
		if cause := context.Cause(ctx); err != nil && cause != nil {
			return cause
		}
		return err
	}
}

// watch lets the operator see every AppRelease of the cluster.
func (r *releases) watch() error {
	w := r.w
	dyn, err := dynamic.NewForConfig(w.plane.Admin)
	if err != nil {
		return err
	}
	f := dynamicinformer.NewDynamicSharedInformerFactory(dyn, 0)
	gvk := kubeovn.GroupVersionKind()
	inf := f.ForResource(schema.GroupVersionResource{Group: gvk.Group, Version: gvk.Version, Resource: "appreleases"}).Informer()
	look := func(any) { w.t.clock.Go("apprelease operator", r.look) }
	if _, err := inf.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: look, UpdateFunc: func(_, o any) { look(o) }}); err != nil {
		return err
	}
	f.Start(w.t.run.Done())
	return nil
}

// look lets the operator reconcile now, and again when it asks for it.
func (r *releases) look() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cancel()
	after, err := r.operator.Reconcile(r.w.t.run, r.w.client)
	if err != nil {
		after = 5 * time.Second
		if r.w.t.run.Err() == nil {
			r.w.t.o.Log.Error(err, "apprelease operator", "cluster", r.w.name)
		}
	}
	r.cancel = func() {}
	if after > 0 && r.w.t.run.Err() == nil {
		r.cancel = r.w.t.clock.After("apprelease operator", after, r.look)
	}
}

// installCRD creates a definition and waits until it is served.
func (w *workload) installCRD(ctx context.Context, text []byte) error {
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(text, &o.Object); err != nil {
		return err
	}
	if err := w.client.Create(ctx, o); err != nil {
		return fmt.Errorf("definition %s: %w", o.GetName(), err)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !established(o) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("definition %s: %w", o.GetName(), ctx.Err())
		case <-tick.C:
		}
		if err := w.client.Get(ctx, client.ObjectKeyFromObject(o), o); err != nil {
			return fmt.Errorf("definition %s: %w", o.GetName(), err)
		}
	}
	if m, ok := w.client.RESTMapper().(meta.ResettableRESTMapper); ok {
		m.Reset()
	}
	return nil
}

func established(crd *unstructured.Unstructured) bool {
	l, _, _ := unstructured.NestedSlice(crd.Object, "status", "conditions")
	for _, c := range l {
		if c, ok := c.(map[string]any); ok && c["type"] == "Established" && c["status"] == "True" {
			return true
		}
	}
	return false
}

// networkPhase is the phase of the cluster's Kube-OVN release.
func (w *workload) networkPhase(ctx context.Context) (string, error) {
	o := &unstructured.Unstructured{}
	o.SetGroupVersionKind(kubeovn.GroupVersionKind())
	if err := w.client.Get(ctx, client.ObjectKey{Namespace: kubeovn.Namespace, Name: kubeovn.Name}, o); err != nil {
		return "", err
	}
	charts, _, _ := unstructured.NestedMap(o.Object, "status", "charts")
	for _, c := range charts {
		if c, ok := c.(map[string]any); ok {
			return fmt.Sprint(c["phase"]), nil
		}
	}
	return "not begun", nil
}
