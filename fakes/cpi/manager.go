package cpi

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/retry"

	"github.com/rehearse-dev/rehearse/fakes/fakekit"
)

// DaemonSet, in kube-system, is what has to run for nodes to be initialised.
const DaemonSet = "vsphere-cloud-controller-manager"

// Taint is on nodes that no cloud provider has initialised yet.
const Taint = "node.cloudprovider.kubernetes.io/uninitialized"

// shutdown is the taint of a node whose VM exists and is off
// (k8s.io/cloud-provider@v0.35.4 controllers/nodelifecycle, ShutdownTaint).
var shutdown = corev1.Taint{Key: "node.cloudprovider.kubernetes.io/shutdown", Effect: corev1.TaintEffectNoSchedule}

// Config is what a Manager needs.
type Config struct {
	Client kubernetes.Interface // of the workload cluster
	Clock  fakekit.Clock
	Delay  time.Duration // site time from when a node can be initialised, and between two tries
	// Instance looks a node up in vCenter; ok is false when there is no VM of that name.
	Instance func(node string) (i Instance, ok bool)
	// Namesake tells whether an older VM in vCenter has a guest of that hostname; nil when there never is one.
	Namesake func(node string) bool
}

// Instance is a VM as vCenter knows it.
type Instance struct {
	UUID string // BIOS UUID
	IP   string
	Off  bool // it exists and is not powered on
}

// Manager initialises nodes, taints those whose VM is off, and removes those whose VM is gone. Make one with Start.
type Manager struct {
	c           Config
	ctx         context.Context
	nodes, pods cache.SharedIndexInformer

	mu      sync.Mutex
	pending map[string]bool           // nodes with a timer
	mistook map[types.UID][]types.UID // nodes that were taken for another VM, and the pods that remember it
}

// Start watches until ctx ends.
func Start(ctx context.Context, c Config) (*Manager, error) {
	m := &Manager{c: c, ctx: ctx, pending: map[string]bool{}, mistook: map[types.UID][]types.UID{}}
	nodes := informers.NewSharedInformerFactory(c.Client, 0)
	pods := informers.NewSharedInformerFactoryWithOptions(c.Client, 0, informers.WithNamespace(metav1.NamespaceSystem))
	m.nodes, m.pods = nodes.Core().V1().Nodes().Informer(), pods.Core().V1().Pods().Informer()
	look := func(any) { c.Clock.Touch(); m.look() }
	for what, inf := range map[string]cache.SharedIndexInformer{"nodes": m.nodes, "pods": m.pods} {
		if _, err := inf.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: look,
			UpdateFunc: func(_, o any) { look(o) }}); err != nil {
			return nil, fmt.Errorf("cloud controller manager: watch %s: %w", what, err)
		}
	}
	nodes.Start(ctx.Done())
	pods.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), m.nodes.HasSynced, m.pods.HasSynced) {
		return nil, fmt.Errorf("cloud controller manager: watch nodes and pods: %w", ctx.Err())
	}
	return m, nil
}

func ready(n *corev1.Node) bool {
	return slices.ContainsFunc(n.Status.Conditions, func(c corev1.NodeCondition) bool {
		return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
	})
}

// suspicious tells whether a node was initialised and is not Ready: its VM may be off or gone.
func suspicious(n *corev1.Node) bool { return !ready(n) && n.Spec.ProviderID != "" }

func isShutdown(t corev1.Taint) bool { return t.Key == shutdown.Key }

// revived tells whether a node is Ready and still has the taint of a VM that is off.
func revived(n *corev1.Node) bool { return ready(n) && slices.ContainsFunc(n.Spec.Taints, isShutdown) }

func uninitialised(n *corev1.Node) bool {
	return slices.ContainsFunc(n.Spec.Taints, func(t corev1.Taint) bool { return t.Key == Taint })
}

// running are the pods of the DaemonSet that run.
func (m *Manager) running() (pods []types.UID) {
	for _, o := range m.pods.GetStore().List() {
		p := o.(*corev1.Pod)
		owner := metav1.GetControllerOf(p)
		if owner != nil && owner.Kind == "DaemonSet" && owner.Name == DaemonSet &&
			p.Status.Phase == corev1.PodRunning && p.DeletionTimestamp == nil {
			pods = append(pods, p.UID)
		}
	}
	return pods
}

// runs tells whether somebody is there to do the work.
func (m *Manager) runs() bool { return len(m.running()) > 0 }

// mistaken tells whether the pods take an older VM for the node's, since its guest has the same hostname. Its address is
// not the kubelet's, so the node is refused. They remember it, whatever becomes of that VM, until all of them were
// started again.
func (m *Manager) mistaken(n *corev1.Node) bool {
	pods, there := m.running(), m.c.Namesake != nil && m.c.Namesake(n.Name)
	m.mu.Lock()
	defer m.mu.Unlock()
	remembers := func(pod types.UID) bool { return slices.Contains(m.mistook[n.UID], pod) }
	if slices.ContainsFunc(pods, remembers) {
		return true
	}
	delete(m.mistook, n.UID)
	if there {
		m.mistook[n.UID] = pods
	}
	return there
}

// Look has all nodes looked at again, as the real one does every few seconds: a VM was switched off or removed, which
// no node tells.
func (m *Manager) Look() { m.look() }

// look sets a timer for each node that may need something, if somebody is there to do it.
func (m *Manager) look() {
	var waiting []string
	for _, o := range m.nodes.GetStore().List() {
		if n := o.(*corev1.Node); uninitialised(n) || suspicious(n) || revived(n) {
			waiting = append(waiting, n.Name)
		}
	}
	if len(waiting) == 0 || !m.runs() {
		return
	}
	slices.Sort(waiting)
	for _, name := range waiting {
		m.schedule(name)
	}
}

// schedule looks at a node after the delay, and again until there is nothing left to do.
func (m *Manager) schedule(node string) {
	m.mu.Lock()
	known := m.pending[node]
	m.pending[node] = true
	m.mu.Unlock()
	if known || m.ctx.Err() != nil {
		return
	}
	m.c.Clock.After("cpi/"+node, m.c.Delay, func() {
		m.mu.Lock()
		delete(m.pending, node)
		m.mu.Unlock()
		if m.runs() && m.sync(node) != nil {
			m.schedule(node)
		}
	})
}

var errNoInstance = errors.New("no VM of that name in vCenter")

// sync returns nil when there is nothing left to do for the node until its next event. When somebody else has changed the
// node meanwhile, it begins again at once, as the real one does
// (k8s.io/cloud-provider@v0.35.4 controllers/node/node_controller.go syncNode, RetryOnConflict).
func (m *Manager) sync(name string) error {
	return retry.RetryOnConflict(wait.Backoff{Steps: 10}, func() error { return m.syncOnce(name) })
}

func (m *Manager) syncOnce(name string) error {
	nodes := m.c.Client.CoreV1().Nodes()
	n, err := nodes.Get(m.ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	i, ok := m.c.Instance(name)
	switch {
	case !ok && suspicious(n):
		return tolerate(nodes.Delete(m.ctx, name,
			metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(n.UID))}))
	case suspicious(n) && i.Off && !slices.ContainsFunc(n.Spec.Taints, isShutdown):
		return m.taint(n, append(n.Spec.Taints, shutdown))
	case revived(n):
		return m.taint(n, slices.DeleteFunc(n.Spec.Taints, isShutdown))
	case !uninitialised(n), m.mistaken(n): // a pod that is started again has us look at it once more
		return nil
	case !ok:
		return errNoInstance
	}
	return m.initialise(n, i)
}

// tolerate ignores that somebody else was faster.
func tolerate(err error) error {
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return err
}

// taint sets the taints of a node that has gone meanwhile or not.
func (m *Manager) taint(n *corev1.Node, taints []corev1.Taint) error {
	n.Spec.Taints = taints
	_, err := m.c.Client.CoreV1().Nodes().Update(m.ctx, n, metav1.UpdateOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// initialise tells the cluster what vCenter knows of a new node. The taint goes last: it is the sign that all is done.
func (m *Manager) initialise(n *corev1.Node, i Instance) (err error) {
	nodes := m.c.Client.CoreV1().Nodes()
	n.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeHostName, Address: n.Name},
		{Type: corev1.NodeInternalIP, Address: i.IP}, {Type: corev1.NodeExternalIP, Address: i.IP}}
	if n, err = nodes.UpdateStatus(m.ctx, n, metav1.UpdateOptions{}); err != nil {
		return err
	}
	n.Spec.ProviderID = "vsphere://" + i.UUID
	n.Spec.Taints = slices.DeleteFunc(n.Spec.Taints, func(t corev1.Taint) bool { return t.Key == Taint })
	if n.Labels == nil {
		n.Labels = map[string]string{}
	}
	n.Labels[corev1.LabelInstanceTypeStable] = "vsphere-vm"
	_, err = nodes.Update(m.ctx, n, metav1.UpdateOptions{})
	return err
}
