package kubelet

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
)

// machine is a Node with its kubelet.
type machine struct {
	Node
	kubelet, network bool // the process runs; the node is reached and reaches others
	off              bool // it is switched off
	registered       bool // since the kubelet was started
	ready            bool // NodeReady has passed
	wrong            map[corev1.NodeConditionType]NodeCondition
	images           map[string]bool // on the node
}

// acts tells whether the kubelet can do anything about the cluster.
func (m *machine) acts() bool { return m != nil && !m.off && m.kubelet && m.network && m.registered }

// Run starts the kubelet of a machine, for the first time or after Off. It registers the node at once, or takes up the
// one that is there, and returns; the rest of the kubelet's life goes on by itself. A node is Ready after
// Timing.NodeReady. After Off the pods that ran on it start anew.
func (k *Kubelets) Run(ctx context.Context, n Node) error {
	defer k.cfg.Clock.Busy("register " + n.Name)()
	k.mu.Lock()
	m := &machine{Node: n, kubelet: true, network: true, images: map[string]bool{},
		wrong: map[corev1.NodeConditionType]NodeCondition{}, ready: k.instant}
	for _, i := range n.Images {
		m.images[i] = true
	}
	before := k.machines[n.Name]
	k.machines[n.Name] = m
	k.mu.Unlock()
	k.cfg.Network.join(n.Name, n.IP)
	reboot := before != nil && before.off
	if reboot {
		m.images, m.wrong = before.images, before.wrong
		k.restartPods(n.Name)
	}
	if err := k.register(ctx, m); err != nil {
		if reboot {
			k.Off(n.Name) // so that another try is a start again
		}
		return fmt.Errorf("kubelet %s: register: %w", n.Name, err)
	}
	if reboot {
		k.wakePodsOf(n.Name)
	}
	return nil
}

// restartPods lets the pods that ran on a machine start again: their containers ended with its power.
func (k *Kubelets) restartPods(node string) {
	l, err := k.pods.GetIndexer().ByIndex(byNode, node)
	if err != nil {
		return
	}
	now := k.cfg.Clock.Now()
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, o := range l {
		p := o.(*corev1.Pod)
		if r := k.runs[podKey{cache.NewObjectName(p.Namespace, p.Name), p.UID}]; r != nil && r.stage == running {
			again := *r
			again.stage, again.since, again.boots = starting, now, r.boots+1
			k.runs[podKey{cache.NewObjectName(p.Namespace, p.Name), p.UID}] = &again
		}
	}
}

func (k *Kubelets) register(ctx context.Context, m *machine) error {
	o := m.object(k.cfg.Clock.Now())
	setConditions(o, m.wrong, m.ready, k.cfg.Clock.Now())
	_, err := k.client.CoreV1().Nodes().Create(ctx, o, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		err = k.takeUp(ctx, o)
	}
	if err != nil {
		return err
	}
	k.mu.Lock()
	m.registered = true
	late := !m.ready
	k.mu.Unlock()
	if err := k.renew(ctx, m.Name); err != nil {
		return err
	}
	if late {
		k.cfg.Clock.After("node "+m.Name+" ready", k.cfg.Timing.NodeReady, func() {
			k.mu.Lock()
			m.ready = true
			k.mu.Unlock()
			k.wakeNode(m.Name)
		})
	}
	k.wakeNode(m.Name)
	return nil
}

// takeUp makes an old Node object the machine's: a kubelet that comes back after a reboot.
func (k *Kubelets) takeUp(ctx context.Context, o *corev1.Node) error {
	old, err := k.client.CoreV1().Nodes().Get(ctx, o.Name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	addresses := old.Status.Addresses
	old.Status = o.Status
	if old.Spec.ProviderID != "" {
		old.Status.Addresses = addresses // the cloud provider's
	}
	_, err = k.client.CoreV1().Nodes().UpdateStatus(ctx, old, metav1.UpdateOptions{})
	return err
}

// SetKubelet stops or starts the kubelet of a machine. The pods of a stopped kubelet run on; nobody reports them. The
// node is lost when the cluster has heard nothing for long: that is real time for the real node controller, so site
// time stops at nodeLost until the controller has said so, and the time of what it said is put right.
func (k *Kubelets) SetKubelet(name string, on bool) error {
	return k.change(name, func(m *machine) {
		m.kubelet = on
		k.cfg.Network.listen(m.IP, on)
	})
}

// SetNetwork cuts a node off, or connects it again: it does not answer and reaches nobody.
func (k *Kubelets) SetNetwork(name string, on bool) error {
	return k.change(name, func(m *machine) {
		m.network = on
		k.cfg.Network.reach(m.IP, on)
	})
}

// SetCondition makes a kubelet report a condition, nil: what a healthy one reports.
func (k *Kubelets) SetCondition(name string, t corev1.NodeConditionType, c *NodeCondition) error {
	return k.change(name, func(m *machine) {
		if delete(m.wrong, t); c != nil {
			m.wrong[t] = *c
		}
	})
}

// Off switches a machine off. Its Node and pods stay in the API, and its disk keeps the images, until Run or Remove.
func (k *Kubelets) Off(name string) {
	_ = k.change(name, func(m *machine) {
		m.off = true
		k.cfg.Network.leave(m.IP)
	})
}

// Remove forgets a machine that is gone. Its Node and pods stay in the API, as in reality.
func (k *Kubelets) Remove(name string) {
	_ = k.change(name, func(m *machine) {
		m.off = true
		delete(k.machines, name)
		k.cfg.Network.leave(m.IP)
	})
}

func (k *Kubelets) change(name string, do func(*machine)) error {
	k.mu.Lock()
	m := k.machines[name]
	if m == nil {
		k.mu.Unlock()
		return fmt.Errorf("kubelet %s: no such machine", name)
	}
	acted := m.acts()
	do(m)
	acts := m.acts()
	k.mu.Unlock()
	if acted && !acts {
		k.cfg.Clock.After("node "+name+" lost", nodeLost, func() { k.awaitLost(name, lostPatience) })
	}
	if acts {
		if !acted {
			k.Reconnected() // or the node controller, who lives in real time, would find the lease old
		}
		k.wakeNode(name)
		k.wakePodsOf(name)
	}
	return nil
}

// lostPatience is the real time after which the node controller is no longer waited for, which counts as late.
const lostPatience = 2 * time.Minute

// awaitLost holds site time until the node controller has seen that the node is lost, or there is nothing to wait for.
func (k *Kubelets) awaitLost(name string, most time.Duration) {
	end := time.NewTimer(most)
	defer end.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		k.mu.Lock()
		back := k.machines[name].acts()
		k.mu.Unlock()
		o, ok, _ := k.nodes.GetStore().GetByKey(name)
		if back || !ok || k.knownLost(o.(*corev1.Node)) {
			return
		}
		select {
		case <-k.ctx.Done():
			return
		case <-end.C:
			k.cfg.Clock.Late("the node controller to find " + name + " lost")
			return
		case <-tick.C:
		}
	}
}

// knownLost tells whether the cluster knows that a node is lost, and since when.
func (k *Kubelets) knownLost(n *corev1.Node) bool {
	return nodeReady(n) == corev1.ConditionUnknown && !k.cfg.Losses.PutRight(n.DeepCopy())
}

func nodeReady(n *corev1.Node) corev1.ConditionStatus {
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status
		}
	}
	return corev1.ConditionUnknown
}

func (k *Kubelets) nodeChanged(n *corev1.Node, deleted bool) {
	k.mu.Lock()
	m := k.machines[n.Name]
	if m != nil && deleted {
		m.registered = false // a kubelet does not register again before it is restarted
	}
	acts := m.acts()
	k.mu.Unlock()
	if acts || !deleted && nodeReady(n) == corev1.ConditionUnknown {
		k.wakeNode(n.Name)
	}
}

func (k *Kubelets) wakeNode(name string) {
	k.work.do("node "+name, "node/"+name, func() time.Duration { return k.syncNode(name) })
}

// retry is the site time after which a kubelet tries again what the API server has refused.
const retry = 5 * time.Second

// syncNode makes the Node and the mirrors of the static pods what the kubelet thinks they are, and puts right when a node
// was lost whose kubelet does not act.
func (k *Kubelets) syncNode(name string) time.Duration {
	k.mu.Lock()
	m := k.machines[name]
	acts := m.acts()
	k.mu.Unlock()
	o, ok, _ := k.nodes.GetStore().GetByKey(name)
	if !ok {
		return -1
	}
	n := o.(*corev1.Node).DeepCopy()
	changed := false
	if acts {
		k.mu.Lock()
		changed = setConditions(n, m.wrong, m.ready, k.cfg.Clock.Now())
		k.mu.Unlock()
	} else {
		changed = k.cfg.Losses.PutRight(n)
	}
	if changed {
		if _, err := k.client.CoreV1().Nodes().UpdateStatus(k.ctx, n, metav1.UpdateOptions{}); err != nil &&
			!apierrors.IsNotFound(err) {
			return k.again(err)
		}
	}
	if !acts {
		return -1
	}
	for _, p := range m.StaticPods {
		if err := k.mirror(n, p); err != nil {
			return k.again(err)
		}
	}
	return -1
}

// again is when to try again after err: after a conflict not before the watch has shown the newer object.
func (k *Kubelets) again(err error) time.Duration {
	if apierrors.IsConflict(err) {
		return -1
	}
	return retry
}

// mirror creates the mirror pod of a static pod if it is not there.
func (k *Kubelets) mirror(n *corev1.Node, static *corev1.Pod) error {
	p := mirrorOf(n, static)
	if _, ok, _ := k.pods.GetStore().GetByKey(cache.NewObjectName(p.Namespace, p.Name).String()); ok {
		return nil
	}
	_, err := k.client.CoreV1().Pods(p.Namespace).Create(k.ctx, p, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}
