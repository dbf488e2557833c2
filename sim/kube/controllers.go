package kube

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"go.uber.org/zap"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	infrav1 "sigs.k8s.io/cluster-api-provider-vsphere/api/govmomi/v1beta2"
	capvcontrollers "sigs.k8s.io/cluster-api-provider-vsphere/controllers"
	capvcontext "sigs.k8s.io/cluster-api-provider-vsphere/pkg/context"
	capvwebhooks "sigs.k8s.io/cluster-api-provider-vsphere/webhooks"
	addonsv1 "sigs.k8s.io/cluster-api/api/addons/v1beta2"
	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	controlplanev1beta1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta1"
	controlplanev1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta2"
	clusterv1beta1 "sigs.k8s.io/cluster-api/api/core/v1beta1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/api/core/v1beta2/index"
	bootstrapcontrollers "sigs.k8s.io/cluster-api/bootstrap/kubeadm/controllers"
	bootstrapwebhooks "sigs.k8s.io/cluster-api/bootstrap/kubeadm/webhooks"
	"sigs.k8s.io/cluster-api/controllers"
	"sigs.k8s.io/cluster-api/controllers/clustercache"
	kcpcontrollers "sigs.k8s.io/cluster-api/controlplane/kubeadm/controllers"
	kcpwebhooks "sigs.k8s.io/cluster-api/controlplane/kubeadm/webhooks"
	"sigs.k8s.io/cluster-api/feature"
	"sigs.k8s.io/cluster-api/webhooks"

	"github.com/rehearse-dev/rehearse/sim/clock"
)

// Namespace is where the platform keeps Cluster API objects and runs its controllers (000_d64b8bff74bf7917.txt).
const Namespace = "cpaas-system"

const (
	workers = 10          // concurrent reconciles per controller, as upstream's default
	perKey  = time.Second // least site time between two reconciles of an object, as upstream's rate limiter
	// retryWorkload is the least site time between two reconciles of a ClusterCache accessor.
	retryWorkload = 10 * time.Second
	// resync is upstream's SyncPeriod (sigs.k8s.io/cluster-api-provider-vsphere@v1.16.1 pkg/manager/constants.go).
	resync = 10 * time.Minute
)

// etcdTimeout stands for upstream's 10 s to dial a member and 15 s for a call (controlplane/kubeadm/main.go, etcd.go).
const etcdTimeout = time.Second

// etcdHang charges the site for dialling members that do not answer as if each had taken upstream's 10 s. One dead
// member is not charged: a busy machine may be as slow, and results shall not depend on that.
var etcdHang = clock.Hang{After: 2 * etcdTimeout, Factor: float64(10*time.Second) / float64(etcdTimeout)}

// gates are set once per process: Cluster API's feature gates are global.
var gates = sync.OnceValue(func() error {
	return feature.MutableGates.Set("ReconcilerRateLimiting=false")
})

// Controllers are the providers' controllers and webhooks in this process, unforked, with their queues on site time.
type Controllers struct {
	Manager      manager.Manager // controllers
	ClusterCache clustercache.ClusterCache
	controlPlane clustercache.ClusterCache // KubeadmControlPlane's own
	cache        *awaitedCache             // Manager's
	everySecret  *awaitedCache             // Secrets, whole and as metadata, and ConfigMaps; Manager's has those of clusters

	hooks manager.Manager // webhooks, which have to answer before any object is written
	ended chan error      // of hooks
	clock *clock.Clock
	line  *Line

	mu     sync.Mutex
	queues map[string][]*clock.Queue // by controller manager
}

// Await lets the clock wait for the writes of one more kind. It is called before Start.
func (k *Controllers) Await(o client.Object) error { return k.cache.await(o) }

// NewControllers sets everything up and starts the webhook server, which also serves the caller's own webhooks, by path;
// the controllers wait for Start. The context ends both. Each Node of a workload cluster passes node before they see it.
func NewControllers(ctx context.Context, m *Management, c *clock.Clock, line *Line, log logr.Logger, own map[string]admission.HandlerFunc, node func(*corev1.Node)) (*Controllers, error) {
	if err := gates(); err != nil {
		return nil, fmt.Errorf("cluster api feature gates: %w", err)
	}
	// The API presents v1beta2 in references, as production does (upstream's main.go sets the same getters).
	version := func(gk schema.GroupKind) (string, error) {
		return gk.WithVersion("v1beta2").GroupVersion().String(), nil
	}
	clusterv1beta1.SetAPIVersionGetter(version)
	controlplanev1beta1.SetAPIVersionGetter(version)
	k := &Controllers{clock: c, line: line, queues: map[string][]*clock.Queue{}}
	if err := k.newManagers(m, log); err != nil {
		return nil, err
	}
	if err := k.setupControllers(ctx, log, node); err != nil {
		return nil, err
	}
	if err := k.setupWebhooks(); err != nil {
		return nil, err
	}
	for path, h := range own {
		m.webhooks.Register("/"+path, &admission.Webhook{Handler: h})
	}
	k.ended = make(chan error, 1)
	go func() { k.ended <- k.hooks.Start(ctx) }()
	return k, nil
}

func (k *Controllers) newManagers(m *Management, log logr.Logger) (err error) {
	cfg := *m.Config
	cfg.WrapTransport = k.clock.WrapTransport
	cfg.Wrap(k.line.Watch)
	// One cache for what are four processes in production: Secrets by KubeadmControlPlane's rule (all that have a cluster
	// label), and none of the per-process blanking of Machines and KubeadmConfigs.
	ofCluster, err := labels.Parse(clusterv1.ClusterNameLabel)
	if err != nil {
		return err
	}
	k.Manager, err = ctrl.NewManager(&cfg, ctrl.Options{
		Scheme: m.Scheme, Logger: log, Metrics: metricsserver.Options{BindAddress: "0"},
		Controller: config.Controller{SkipNameValidation: ptr.To(true), CacheSyncTimeout: 5 * time.Minute},
		Cache: cache.Options{SyncPeriod: ptr.To(240 * time.Hour), ByObject: map[client.Object]cache.ByObject{
			&corev1.Secret{}: {Label: ofCluster}}},
		NewCache: func(cfg *rest.Config, o cache.Options) (cache.Cache, error) {
			k.cache, err = newAwaitedCache(k.clock.Barrier(), cfg, o, watched...)
			return k.cache, err
		},
		Client:    client.Options{Cache: uncached()},
		NewClient: k.clock.Barrier().NewClient,
		// A night's worth of site time passes in a minute, so client-go's budget of 25 events per object would be spent.
		EventBroadcaster: record.NewBroadcasterWithCorrelatorOptions(record.CorrelatorOptions{BurstSize: 10000, QPS: 1000}),
	})
	if err != nil {
		return fmt.Errorf("controllers: %w", err)
	}
	k.everySecret, err = newAwaitedCache(k.clock.Barrier(), k.Manager.GetConfig(), cache.Options{Scheme: m.Scheme, Mapper: k.Manager.GetRESTMapper(), HTTPClient: k.Manager.GetHTTPClient(),
		SyncPeriod: ptr.To(240 * time.Hour)}, &corev1.Secret{})
	if err != nil {
		return fmt.Errorf("cache of Secrets: %w", err)
	}
	if err := k.Manager.Add(k.everySecret); err != nil {
		return fmt.Errorf("cache of Secrets: %w", err)
	}
	k.hooks, err = ctrl.NewManager(m.Config, ctrl.Options{
		Scheme: m.Scheme, Logger: log, Metrics: metricsserver.Options{BindAddress: "0"}, MapperProvider: sameMapper(k.Manager),
		WebhookServer: m.webhooks,
	})
	if err != nil {
		return fmt.Errorf("webhooks: %w", err)
	}
	return nil
}

// options puts a controller's queue on site time, and remembers whose it is.
func (k *Controllers) options(provider string, minInterval time.Duration, hang clock.Hang) controller.Options {
	return k.owned(provider, k.clock.ControllerOptions(workers, minInterval, hang))
}

func (k *Controllers) owned(provider string, o controller.Options) controller.Options {
	newQueue := o.NewQueue
	o.NewQueue = func(name string, rl workqueue.TypedRateLimiter[reconcile.Request]) workqueue.TypedRateLimitingInterface[reconcile.Request] {
		q := newQueue(name, rl).(*clock.Queue)
		k.mu.Lock()
		defer k.mu.Unlock()
		k.queues[provider] = append(k.queues[provider], q)
		return q
	}
	return o
}

// Options are those of a controller of the caller's own that is a part of a controller manager: faults of that meet it,
// too.
func (k *Controllers) Options(provider string, concurrent int, minInterval time.Duration) controller.Options {
	return k.owned(provider, k.clock.ControllerOptions(concurrent, minInterval, clock.Hang{}))
}

// Client is what the controllers of a controller manager speak to the management API with.
func (k *Controllers) Client(provider string) (client.Client, error) {
	p, err := k.provider(provider)
	if err != nil {
		return nil, fmt.Errorf("client of %s: %w", provider, err)
	}
	return p.Client, nil
}

// setupControllers follows the order of upstream's main.go files.
func (k *Controllers) setupControllers(ctx context.Context, log logr.Logger, node func(*corev1.Node)) error {
	mgr := k.Manager
	if err := index.AddDefaultIndexes(ctx, mgr); err != nil {
		return err
	}
	var core, bootstrap, plane, infra provider
	for name, p := range map[string]*provider{"cluster-api": &core, "bootstrap-kubeadm": &bootstrap, "control-plane-kubeadm": &plane, VSphereProvider: &infra} {
		var err error
		if *p, err = k.provider(name); err != nil {
			return fmt.Errorf("client of %s: %w", name, err)
		}
	}
	var err error
	if k.ClusterCache, err = k.clusterCache(ctx, core.secrets, "rehearse", sharedCache(node)); err != nil {
		return err
	}
	k.controlPlane, err = k.clusterCache(ctx, plane.secrets, "rehearse-kcp", controlPlaneCache())
	if err != nil {
		return err
	}
	cc := k.ClusterCache
	vsphere := &capvcontext.ControllerManagerContext{Namespace: Namespace, Name: "capv", Client: infra, Logger: log, Scheme: mgr.GetScheme()}
	const conditionsGrace, connectionGrace = 5 * time.Minute, 50 * time.Second // upstream's defaults
	for _, s := range []struct {
		name  string
		setup func() error
	}{
		{"Cluster", func() error {
			return (&controllers.ClusterReconciler{Client: core, APIReader: core.api, ClusterCache: cc, RemoteConnectionGracePeriod: connectionGrace}).SetupWithManager(ctx, mgr, k.options("cluster-api", perKey, clock.Hang{}))
		}},
		{"Machine", func() error {
			return (&controllers.MachineReconciler{Client: core, APIReader: core.api, ClusterCache: cc, RemoteConditionsGracePeriod: conditionsGrace}).SetupWithManager(ctx, mgr, k.options("cluster-api", perKey, clock.Hang{}))
		}},
		{"MachineSet", func() error {
			return (&controllers.MachineSetReconciler{Client: core, APIReader: core.api, ClusterCache: cc, PreflightChecks: sets.New(clusterv1.MachineSetPreflightCheckAll)}).SetupWithManager(ctx, mgr, k.options("cluster-api", perKey, clock.Hang{}))
		}},
		{"MachineDeployment", func() error {
			return (&controllers.MachineDeploymentReconciler{Client: core, APIReader: core.api}).SetupWithManager(ctx, mgr, k.options("cluster-api", perKey, clock.Hang{}))
		}},
		{"MachineHealthCheck", func() error {
			return (&controllers.MachineHealthCheckReconciler{Client: core, ClusterCache: cc}).SetupWithManager(ctx, mgr, k.options("cluster-api", 15*time.Second, clock.Hang{}))
		}},
		{"ClusterResourceSet", func() error {
			return (&controllers.ClusterResourceSetReconciler{Client: core, ClusterCache: cc}).SetupWithManager(ctx, mgr, k.options("cluster-api", perKey, clock.Hang{}), k.everySecret)
		}},
		{"ClusterResourceSetBinding", func() error {
			return (&controllers.ClusterResourceSetBindingReconciler{Client: core}).SetupWithManager(ctx, mgr, k.options("cluster-api", perKey, clock.Hang{}))
		}},
		{"KubeadmConfig", func() error {
			return (&bootstrapcontrollers.KubeadmConfigReconciler{Client: bootstrap, SecretCachingClient: bootstrap.secrets, ClusterCache: cc, TokenTTL: bootstrapcontrollers.DefaultTokenTTL}).SetupWithManager(ctx, mgr, k.options("bootstrap-kubeadm", perKey, clock.Hang{}))
		}},
		{"KubeadmControlPlane", func() error {
			return (&kcpcontrollers.KubeadmControlPlaneReconciler{Client: plane, APIReader: plane.api, SecretCachingClient: plane.secrets, ClusterCache: k.controlPlane, EtcdLogger: zap.NewNop(),
				EtcdDialTimeout: etcdTimeout, EtcdCallTimeout: etcdTimeout, RemoteConditionsGracePeriod: conditionsGrace}).SetupWithManager(ctx, mgr, k.options("control-plane-kubeadm", perKey, etcdHang))
		}},
		{"VSphereCluster", func() error {
			return capvcontrollers.AddClusterControllerToManager(ctx, vsphere, mgr, false, k.options(VSphereProvider, perKey, clock.Hang{}))
		}},
		{"VSphereMachine", func() error {
			return capvcontrollers.AddMachineControllerToManager(ctx, vsphere, mgr, false, k.options(VSphereProvider, perKey, clock.Hang{}))
		}},
		{"VSphereVM", func() error {
			return capvcontrollers.AddVMControllerToManager(ctx, vsphere, mgr, cc, k.options(VSphereProvider, perKey, clock.Hang{}))
		}},
		{"VSphereClusterIdentity", func() error {
			return capvcontrollers.AddVsphereClusterIdentityControllerToManager(ctx, vsphere, mgr, k.options(VSphereProvider, perKey, clock.Hang{}))
		}},
		{"VSphereDeploymentZone", func() error {
			return capvcontrollers.AddVSphereDeploymentZoneControllerToManager(ctx, vsphere, mgr, k.options(VSphereProvider, perKey, clock.Hang{}))
		}},
	} {
		if err := s.setup(); err != nil {
			return fmt.Errorf("%s controller: %w", s.name, err)
		}
	}
	return nil
}

// clusterCache makes a ClusterCache on site time.
func (k *Controllers) clusterCache(ctx context.Context, secrets client.Reader, agent string, o clustercache.Options) (clustercache.ClusterCache, error) {
	o.SecretClient = secrets
	o.Client.UserAgent, o.Client.QPS, o.Client.Burst = agent, 500, 1000
	cc, err := clustercache.SetupWithManager(ctx, k.Manager, o, k.clock.ControllerOptions(workers, retryWorkload, clock.Hang{}))
	if err != nil {
		return nil, fmt.Errorf("cluster cache: %w", err)
	}
	if !clock.VirtualNow {
		// The 30 s between two attempts are compared with time.Now, which would hardly move.
		cc.(interface{ SetConnectionCreationRetryInterval(time.Duration) }).SetConnectionCreationRetryInterval(time.Millisecond)
	}
	return cc, nil
}

// sharedCache is what core, bootstrap and infrastructure controllers read of a workload cluster.
func sharedCache(node func(*corev1.Node)) clustercache.Options {
	pass := func(o any) (any, error) {
		if n, ok := o.(*corev1.Node); ok {
			node(n)
		}
		return o, nil
	}
	return clustercache.Options{
		Cache: clustercache.CacheOptions{Indexes: []clustercache.CacheOptionsIndex{clustercache.NodeProviderIDIndex},
			ByObject: map[client.Object]cache.ByObject{&corev1.Node{}: {Transform: pass}}},
		Client: clustercache.ClientOptions{Cache: clustercache.ClientCacheOptions{DisableFor: []client.Object{&corev1.ConfigMap{}, &corev1.Secret{},
			&corev1.Pod{}, &appsv1.Deployment{}, &appsv1.DaemonSet{}, &storagev1.VolumeAttachment{}, &corev1.PersistentVolume{}}}},
	}
}

// controlPlaneCache is KubeadmControlPlane's own, as in production: static Pods come from a cache, so that a workload
// API that hangs costs one timeout and not one per Pod
// (sigs.k8s.io/cluster-api@v1.13.4 controlplane/kubeadm/internal/setup).
func controlPlaneCache() clustercache.Options {
	static, err := labels.Parse("tier=control-plane,component in (kube-apiserver,kube-controller-manager,kube-scheduler,etcd)")
	if err != nil {
		panic(err)
	}
	return clustercache.Options{
		Cache: clustercache.CacheOptions{ByObject: map[client.Object]cache.ByObject{
			&corev1.Pod{}: {Namespaces: map[string]cache.Config{metav1.NamespaceSystem: {LabelSelector: static}}}}},
		Client: clustercache.ClientOptions{Cache: clustercache.ClientCacheOptions{DisableFor: []client.Object{&corev1.ConfigMap{}, &corev1.Secret{},
			&appsv1.Deployment{}, &appsv1.DaemonSet{}}}},
	}
}

func (k *Controllers) setupWebhooks() error {
	c := k.Manager.GetClient()
	for _, w := range []interface {
		SetupWebhookWithManager(ctrl.Manager) error
	}{
		&webhooks.Cluster{Client: c, ClusterCacheReader: k.ClusterCache}, &webhooks.ClusterClass{Client: c},
		&webhooks.Machine{}, &webhooks.MachineSet{}, &webhooks.MachineDeployment{}, &webhooks.MachineHealthCheck{}, &webhooks.MachineDrainRule{},
		&webhooks.MachinePool{}, &webhooks.ClusterResourceSet{}, &webhooks.ClusterResourceSetBinding{},
		&webhooks.IPAddress{Client: c}, &webhooks.IPAddressClaim{},
		&bootstrapwebhooks.KubeadmConfig{}, &bootstrapwebhooks.KubeadmConfigTemplate{},
		&kcpwebhooks.KubeadmControlPlane{}, &kcpwebhooks.KubeadmControlPlaneTemplate{},
		&capvwebhooks.VSphereClusterTemplate{}, &capvwebhooks.VSphereMachine{}, &capvwebhooks.VSphereMachineTemplate{}, &capvwebhooks.VSphereVM{},
		&capvwebhooks.VSphereDeploymentZone{}, &capvwebhooks.VSphereFailureDomain{},
	} {
		if err := w.SetupWebhookWithManager(k.hooks); err != nil {
			return fmt.Errorf("webhook %T: %w", w, err)
		}
	}
	// The scale subresource of KubeadmControlPlane is validated apart from the object.
	if err := (&kcpwebhooks.ScaleValidator{Client: c}).SetupWebhookWithManager(k.hooks); err != nil {
		return fmt.Errorf("webhook for scale: %w", err)
	}
	return nil
}

// watched are the kinds whose writes the clock waits for.
var watched = []client.Object{
	&clusterv1.Cluster{}, &clusterv1.Machine{}, &clusterv1.MachineSet{}, &clusterv1.MachineDeployment{}, &clusterv1.MachineHealthCheck{},
	&controlplanev1.KubeadmControlPlane{}, &bootstrapv1.KubeadmConfig{}, &addonsv1.ClusterResourceSet{},
	&infrav1.VSphereCluster{}, &infrav1.VSphereMachine{}, &infrav1.VSphereVM{},
}

// Resume is Start where the controllers have worked before. They find the workload clusters connected, as they have left
// them: else some would take their own start for trouble, and say so in conditions. A cluster to which no connection comes
// about within connecting is trouble.
func (k *Controllers) Resume(ctx context.Context, clusters []client.ObjectKey, fail func(error)) error {
	defer k.clock.Only("clustercache")()
	if err := k.Start(ctx, fail); err != nil {
		return err
	}
	end := time.NewTimer(connecting)
	defer end.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !k.connected(ctx, clusters) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-end.C:
			return nil
		case <-tick.C:
		}
	}
	return nil
}

// connecting is real time: both ends are real processes.
const connecting = 10 * time.Second

func (k *Controllers) connected(ctx context.Context, clusters []client.ObjectKey) bool {
	for _, key := range clusters {
		for _, c := range []clustercache.ClusterCache{k.ClusterCache, k.controlPlane} {
			if _, err := c.GetClient(ctx, key); err != nil {
				return false
			}
		}
	}
	return true
}

// Start starts the controllers and returns when their caches are filled. Failures after that come through fail.
func (k *Controllers) Start(ctx context.Context, fail func(error)) error {
	started := make(chan error, 1)
	go func() {
		if err := <-k.ended; ctx.Err() == nil {
			fail(fmt.Errorf("webhooks ended early: %v", err))
		}
	}()
	go func() {
		if err := k.Manager.Start(ctx); err != nil {
			fail(fmt.Errorf("controllers: %w", err))
			started <- err
		}
	}()
	for _, o := range watched { // also of those that no controller watches
		if _, err := k.cache.GetInformer(ctx, o); err != nil {
			return fmt.Errorf("watch %T: %w", o, err)
		}
	}
	if _, err := k.everySecret.GetInformer(ctx, &corev1.Secret{}); err != nil {
		return fmt.Errorf("watch Secrets: %w", err)
	}
	select {
	case <-k.Manager.Elected():
	case err := <-started:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
	k.clock.Resync(resync)
	return nil
}
