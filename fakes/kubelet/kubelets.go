package kubelet

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/rehearse-dev/rehearse/fakes/fakekit"
)

// Config of Kubelets.
type Config struct {
	// API is the cluster's API server as an administrator. Its WrapTransport counts requests in flight; leases are
	// renewed without it.
	API     *rest.Config
	Clock   fakekit.Clock
	Network *Network
	Timing  Timing
	// PullImage says whether an image can be had, nil: all can; its error is what the container runtime says. It is
	// asked for what is not on the node yet, and may block in real time.
	PullImage func(ctx context.Context, image string) error
	// Losses puts right what the node controller says of nodes that are lost; nil: one of its own.
	Losses *Losses
	// Heartbeat is the real time between two renewals of a lease; 0: 4 s. A kubelet's default is 10 s; here site time stands
	// still until the node controller, who lives in real time, has noticed that they ceased.
	Heartbeat time.Duration
}

// Timing is how long things take on a node, in site time. The zero value is defaultTiming; any other is taken as it is.
type Timing struct {
	NodeReady time.Duration // from registration to Ready
	PodStart  time.Duration // from bound to running, images on the node
	Init      time.Duration // each init container
	PodStop   time.Duration // from the request to the end, never longer than the pod's grace period
	Job       time.Duration // that a pod of a Job runs
}

// defaultTiming is a guess.
var defaultTiming = Timing{NodeReady: 10 * time.Second, PodStart: 3 * time.Second, Init: 2 * time.Second,
	PodStop: 2 * time.Second, Job: 10 * time.Second}

// nodeLost is the silence after which the cluster should call a node lost: kube-controller-manager's default of
// --node-monitor-grace-period.
const nodeLost = 50 * time.Second

// Kubelets are the kubelets of one cluster. All methods may be called from any goroutine.
type Kubelets struct {
	cfg     Config
	ctx     context.Context // of the goroutines
	cancel  context.CancelFunc
	wg      sync.WaitGroup
	client  *kubernetes.Clientset // counted, behind the barrier
	plain   kubernetes.Interface  // for leases
	pods    cache.SharedIndexInformer
	nodes   cache.SharedIndexInformer
	barrier *Barrier
	settle  *settle
	work    *worker

	mu       sync.Mutex
	machines map[string]*machine // by node name
	runs     map[podKey]*run
	failures map[cache.ObjectName]Failure
	instant  bool
	podIPs   int
}

// byNode is the pod index by spec.nodeName.
const byNode = "node"

var indexers = cache.Indexers{byNode: func(o any) ([]string, error) {
	return []string{o.(*corev1.Pod).Spec.NodeName},
		nil
}}

// Start connects to the API server and returns when the watches of pods and nodes are in sync. Close ends it.
func Start(ctx context.Context, c Config) (*Kubelets, error) {
	if c.Heartbeat == 0 {
		c.Heartbeat = 4 * time.Second
	}
	if c.Losses == nil {
		c.Losses = NewLosses(c.Clock)
	}
	if c.Timing == (Timing{}) {
		c.Timing = defaultTiming
	}
	k := &Kubelets{cfg: c, barrier: newBarrier(c.Clock), machines: map[string]*machine{}, runs: map[podKey]*run{},
		failures: map[cache.ObjectName]Failure{}}
	k.ctx, k.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if err := k.connect(); err != nil {
		k.cancel()
		return nil, fmt.Errorf("kubelets: %w", err)
	}
	k.work = newWorker(c.Clock, &k.wg)
	f := informers.NewSharedInformerFactory(k.client, 0)
	k.pods, k.nodes = f.Core().V1().Pods().Informer(), f.Core().V1().Nodes().Informer()
	if err := k.watch(f); err != nil {
		k.cancel()
		return nil, fmt.Errorf("kubelets: %w", err)
	}
	f.Start(k.ctx.Done())
	k.wg.Go(func() { <-k.ctx.Done(); f.Shutdown() })
	for of, ok := range f.WaitForCacheSync(ctx.Done()) {
		if !ok {
			k.Close()
			return nil, fmt.Errorf("kubelets: watch %s: %w", of, ctx.Err())
		}
	}
	c.Network.watchFailures(k.failing)
	k.wg.Go(k.heartbeat)
	return k, nil
}

func (k *Kubelets) connect() (err error) {
	counted, plain := rest.CopyConfig(k.cfg.API), rest.CopyConfig(k.cfg.API)
	counted.QPS, plain.QPS, plain.WrapTransport = -1, -1, nil
	counted.Wrap(k.barrier.WrapTransport)
	if k.plain, err = kubernetes.NewForConfig(plain); err != nil {
		return err
	}
	k.client, err = kubernetes.NewForConfig(counted)
	return err
}

// watch hooks the informers. The barrier comes last: when it lets site time go, everybody else has the news.
func (k *Kubelets) watch(f informers.SharedInformerFactory) error {
	k.settle = &settle{clock: k.cfg.Clock}
	d, err := watchDebt(f, k.pods.GetIndexer(), k.settle.event)
	if err != nil {
		return err
	}
	k.settle.unfinished = d.open
	if err := k.pods.AddIndexers(indexers); err != nil {
		return err
	}
	if err := watch(k.pods, func(p *corev1.Pod, deleted bool) {
		k.settle.event()
		k.podChanged(p,
			deleted)
	}); err != nil {
		return err
	}
	if err := watch(k.nodes, func(n *corev1.Node, deleted bool) {
		k.settle.event()
		k.nodeChanged(n,
			deleted)
	}); err != nil {
		return err
	}
	if err := k.barrier.watch("pods", k.pods); err != nil {
		return err
	}
	return k.barrier.watch("nodes", k.nodes)
}

// watch calls do for each event of an informer.
func watch[T any](inf cache.SharedInformer, do func(o T, deleted bool)) error {
	_, err := inf.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { do(o.(T), false) },
		UpdateFunc: func(_, o any) { do(o.(T), false) },
		DeleteFunc: func(o any) {
			if t, ok := o.(cache.DeletedFinalStateUnknown); ok {
				o = t.Obj
			}
			do(o.(T), true)
		},
	})
	return err
}

// Client is an administrator's client whose writes of pods and nodes hold site time until our watch has shown them.
func (k *Kubelets) Client() *kubernetes.Clientset { return k.client }

// Pods is the watch of all pods, Nodes that of all nodes. Callers may add handlers and read.
func (k *Kubelets) Pods() cache.SharedIndexInformer { return k.pods }

// Nodes is the watch of all nodes.
func (k *Kubelets) Nodes() cache.SharedIndexInformer { return k.nodes }

// Instant, while on, makes everything on the nodes take no site time and have its images: for a cluster that is to be
// found running.
func (k *Kubelets) Instant(on bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.instant = on
}

// Close ends the watches, the heartbeats and everything that a kubelet was about to do.
func (k *Kubelets) Close() {
	k.cancel()
	k.work.stop()
	k.settle.stop()
	k.wg.Wait()
}
