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
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"github.com/rehearse-dev/rehearse/fakes/fakekit"
)

// DaemonSet is what has to run for nodes to be initialised; Label selects its Pods.
const (
	DaemonSet = "vsphere-cloud-controller-manager"
	Label     = "k8s-app=" + DaemonSet
	taint     = "node.cloudprovider.kubernetes.io/uninitialized"
)

// Config is what a Manager needs.
type Config struct {
	Client kubernetes.Interface // of the workload cluster
	Clock  fakekit.Clock
	Delay  time.Duration // site time from the node's appearance, and between two tries
	// Instance looks a node up in vCenter; ok is false when there is no VM of that name.
	Instance func(node string) (i Instance, ok bool)
}

// Instance is a VM as vCenter knows it.
type Instance struct {
	UUID string // BIOS UUID
	IP   string
}

// Manager initialises nodes. Make one with Start.
type Manager struct {
	c Config

	mu      sync.Mutex
	pending map[string]bool // nodes with a timer
}

// Start watches until ctx ends.
func Start(ctx context.Context, c Config) (*Manager, error) {
	m := &Manager{c: c, pending: map[string]bool{}}
	f := informers.NewSharedInformerFactory(c.Client, 0)
	nodes := f.Core().V1().Nodes().Informer()
	look := func(o any) {
		c.Clock.Touch()
		if n, ok := o.(*corev1.Node); ok && uninitialised(n) {
			m.schedule(ctx, n.Name)
		}
	}
	if _, err := nodes.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: look, UpdateFunc: func(_, o any) { look(o) }}); err != nil {
		return nil, fmt.Errorf("cloud controller manager: watch nodes: %w", err)
	}
	f.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), nodes.HasSynced) {
		return nil, fmt.Errorf("cloud controller manager: watch nodes: %w", ctx.Err())
	}
	return m, nil
}

func uninitialised(n *corev1.Node) bool {
	return slices.ContainsFunc(n.Spec.Taints, func(t corev1.Taint) bool { return t.Key == taint })
}

// schedule tries node after the delay, and again until it is initialised or gone.
func (m *Manager) schedule(ctx context.Context, node string) {
	m.mu.Lock()
	known := m.pending[node]
	m.pending[node] = true
	m.mu.Unlock()
	if known || ctx.Err() != nil {
		return
	}
	m.c.Clock.After("cpi/"+node, m.c.Delay, func() {
		m.mu.Lock()
		delete(m.pending, node)
		m.mu.Unlock()
		if err := m.initialise(ctx, node); err != nil && ctx.Err() == nil {
			m.schedule(ctx, node)
		}
	})
}

var (
	errNotRunning = errors.New("no Pod of the DaemonSet runs")
	errNoInstance = errors.New("no VM of that name in vCenter")
)

// initialise returns nil when there is nothing left to do for the node.
func (m *Manager) initialise(ctx context.Context, name string) error {
	pods, err := m.c.Client.CoreV1().Pods(metav1.NamespaceSystem).List(ctx, metav1.ListOptions{LabelSelector: Label})
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(pods.Items, func(p corev1.Pod) bool { return p.Status.Phase == corev1.PodRunning && p.DeletionTimestamp == nil }) {
		return errNotRunning
	}
	n, err := m.c.Client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil || !uninitialised(n) {
		return err
	}
	i, ok := m.c.Instance(name)
	if !ok {
		return errNoInstance
	}
	n.Spec.ProviderID = "vsphere://" + i.UUID
	n.Spec.Taints = slices.DeleteFunc(n.Spec.Taints, func(t corev1.Taint) bool { return t.Key == taint })
	if n.Labels == nil {
		n.Labels = map[string]string{}
	}
	n.Labels[corev1.LabelInstanceTypeStable] = "vsphere-vm"
	n, err = m.c.Client.CoreV1().Nodes().Update(ctx, n, metav1.UpdateOptions{})
	if err != nil {
		return err
	}
	n.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeHostName, Address: name}, {Type: corev1.NodeInternalIP, Address: i.IP}, {Type: corev1.NodeExternalIP, Address: i.IP}}
	_, err = m.c.Client.CoreV1().Nodes().UpdateStatus(ctx, n, metav1.UpdateOptions{})
	if apierrors.IsConflict(err) {
		return nil // the kubelet posts the same addresses
	}
	return err
}
