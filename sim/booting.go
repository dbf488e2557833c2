package sim

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sigs.k8s.io/cluster-api/util/secret"

	"github.com/rehearse-dev/rehearse/fakes/etcd"
	"github.com/rehearse-dev/rehearse/fakes/kubeadm"
	"github.com/rehearse-dev/rehearse/fakes/kubelet"
	"github.com/rehearse-dev/rehearse/fakes/vcenter"
	"github.com/rehearse-dev/rehearse/sim/clock"
	"github.com/rehearse-dev/rehearse/sim/fault"
)

// booting is a machine in kubeadm's hands.
type booting struct {
	ctx            context.Context // ends with the VM's power
	w              *workload
	b              *kubeadm.Bootstrap
	vm             vcenter.VM
	ip, kubernetes string
	conf           kubeadm.Cluster // of init from the bootstrap data, of join from the cluster
}

// phase is a part of kubeadm that is tried again until it works or kubeadm gives up. Everything in it may be done twice.
type phase struct {
	run      func(context.Context) error
	patience string // key of the timing table
}

// kubeadmPause is the site time between two tries
// (k8s.io/kubernetes@v1.35.4 cmd/kubeadm/app/constants: 500 ms to 5 s).
const kubeadmPause = 5 * time.Second

// phases are what kubeadm does, in its order
// (k8s.io/kubernetes@v1.35.4 cmd/kubeadm/app/cmd/init.go, join.go).
func (m *booting) phases() []phase {
	const api, members = "kubeadm-patience", "kubeadm-etcd-patience"
	switch {
	case m.b.Init:
		m.conf = m.b.Cluster
		return []phase{{m.startControlPlane, api}, {m.bootstrapEtcd, members}, {m.runKubelet, api}, {m.upload, api},
			{m.w.createWorkload, api}}
	case m.b.ControlPlane:
		return []phase{{m.discover, api}, {m.addMember, members}, {m.startMember, members}, {m.runKubelet, api}}
	}
	return []phase{{m.discover, api}, {m.runKubelet, api}}
}

// begin runs phases one after the other.
func (m *booting) begin(l []phase) {
	if len(l) == 0 {
		return
	}
	t := m.w.t
	m.try(l, t.clock.Now().Add(t.plan.durations.Of(l[0].patience)))
}

// try runs the first phase until it works or kubeadm gives up, and then the others.
func (m *booting) try(l []phase, until time.Time) {
	t := m.w.t
	err := l[0].run(m.ctx)
	if t.run.Err() != nil {
		return
	}
	if m.ctx.Err() != nil {
		m.cut()
		return
	}
	if err == nil {
		m.begin(l[1:])
		return
	}
	if final := (*joinError)(nil); errors.As(err, &final) || !t.clock.Now().Before(until) {
		t.o.Log.Error(err, "kubeadm", "machine", m.b.Node.Name)
		return
	}
	t.after(m.ctx, "guest "+m.b.Node.Name+" kubeadm", kubeadmPause, func() { m.try(l, until) })
}

// cut ends what a phase has started after its VM was switched off or removed.
func (m *booting) cut() {
	node := m.b.Node.Name
	if _, _, g := m.w.t.guest(m.vm.Name); g != nil {
		m.w.halt(node, g)
		return
	}
	m.w.kubelets.Remove(node)
	m.w.etcd.Stop(node)
}

// joinError ends kubeadm for good.
type joinError struct{ reason string }

func (e *joinError) Error() string { return e.reason }

// startControlPlane starts the cluster's API server. Its certificates are in the bootstrap data as well as in the
// management cluster's Secrets.
func (m *booting) startControlPlane(ctx context.Context) error {
	w := m.w
	w.mu.Lock()
	running := w.running
	w.mu.Unlock()
	if !running {
		if err := w.readCertificates(ctx); err != nil {
			return err
		}
		if err := w.start(w.t.run); err != nil { // what runs on the machine outlives kubeadm
			w.t.fail(err)
			return nil
		}
	}
	if err := m.conf.MayInit(m.kubernetes); err != nil {
		return &joinError{err.Error()}
	}
	return nil
}

func (w *workload) readCertificates(ctx context.Context) error {
	w.certs = secret.NewCertificatesForInitialControlPlane(nil)
	if err := w.certs.Lookup(ctx, w.t.admin, client.ObjectKey{Namespace: w.namespace, Name: w.name}); err != nil {
		return err
	}
	return w.certs.EnsureAllExist()
}

// bootstrapEtcd starts the first member.
func (m *booting) bootstrapEtcd(ctx context.Context) error {
	if err := m.pullEtcd(ctx); err != nil {
		return err
	}
	if err := m.w.etcd.Bootstrap(m.peer()); err != nil {
		return &joinError{err.Error()}
	}
	return nil
}

// upload writes what init leaves in the cluster.
func (m *booting) upload(ctx context.Context) error {
	objects, err := kubeadm.InitObjects(m.conf, m.kubernetes)
	if err != nil {
		return &joinError{err.Error()}
	}
	if err := m.w.createAll(ctx, objects); err != nil {
		return fmt.Errorf("kubeadm init on %s: %w", m.b.Node.Name, err)
	}
	return nil
}

// discover finds the cluster and reads its configuration from it.
func (m *booting) discover(ctx context.Context) error {
	w := m.w
	if w.t.guestFaults.fails(fault.JoinFails, m.vm.Name) {
		return &joinError{"error execution phase preflight: couldn't validate the identity of the API Server"}
	}
	if other := w.t.sameAddress(m.vm.Name, m.ip); other != "" {
		return fmt.Errorf("couldn't validate the identity of the API Server: i/o timeout: %s has the address %s as well", other, m.ip)
	}
	if m.b.ControlPlane {
		if err := w.t.checkEtcdDisk(m.vm); err != nil {
			return err
		}
	}
	token := &corev1.Secret{}
	err := w.client.Get(ctx, client.ObjectKey{Namespace: metav1.NamespaceSystem, Name: m.b.TokenSecret()}, token)
	if apierrors.IsNotFound(err) {
		token, err = nil, nil
	}
	if err != nil {
		return err
	}
	now := w.t.clock.Now()
	if !clock.VirtualNow {
		now = w.t.clock.Wall() // by which the token's issuer lives in a plain build
	}
	if err := m.b.MayDiscover(token, now); err != nil {
		return err // kubeadm asks until its patience ends
	}
	cm, key := &corev1.ConfigMap{}, client.ObjectKey{Namespace: metav1.NamespaceSystem, Name: "kubeadm-config"}
	if err := w.client.Get(ctx, key, cm); err != nil {
		return err
	}
	if m.conf, err = kubeadm.ReadCluster([]byte(cm.Data["ClusterConfiguration"])); err != nil {
		return &joinError{err.Error()}
	}
	if err := m.conf.MayJoin(m.kubernetes); err != nil {
		return &joinError{err.Error()}
	}
	return nil
}

// addMember announces the machine's etcd to the cluster as a learner.
func (m *booting) addMember(context.Context) error { return m.w.etcd.AddLearner(m.peer()) }

// startMember starts the machine's etcd and makes it a voter. One that cannot start, because its image is missing or
// the cluster is newer, stays a learner that has not started when kubeadm gives up.
func (m *booting) startMember(ctx context.Context) error {
	if err := m.pullEtcd(ctx); err != nil {
		return err
	}
	if err := m.w.etcd.Start(m.b.Node.Name); err != nil {
		return err
	}
	return m.w.etcd.Promote(m.b.Node.Name)
}

func (m *booting) pullEtcd(ctx context.Context) error {
	return m.w.images.pull(ctx, m.conf.EtcdImage(m.kubernetes))
}

func (m *booting) peer() etcd.Peer {
	return etcd.Peer{Name: m.b.Node.Name, IP: m.ip, Version: m.conf.EtcdVersion(m.kubernetes)}
}

// runKubelet lets the kubelet register its node.
func (m *booting) runKubelet(ctx context.Context) error {
	n := m.b.Node
	node := kubelet.Node{Name: n.Name, IP: m.ip, UUID: m.vm.UUID, CPUs: m.vm.NumCPUs, MemoryMiB: m.vm.MemoryMiB,
		Kubernetes: m.kubernetes, OSImage: osImage, Runtime: containerd(m.kubernetes),
		Images: m.conf.Preloaded(m.kubernetes), Labels: n.Labels, Taints: n.Taints}
	if m.b.ControlPlane {
		node.StaticPods = kubeadm.StaticPods(m.conf, m.kubernetes, m.ip)
	}
	m.w.joined(node)
	m.w.t.guestFaults.fails(fault.HostnameTaken, m.vm.Name)
	if m.w.t.guestFaults.fails(fault.StaleNode, m.vm.Name) {
		if err := m.w.leaveStaleNode(ctx, n.Name); err != nil {
			return err
		}
	}
	if err := m.w.kubelets.Run(ctx, node); err != nil {
		return err
	}
	m.w.t.guestFaults.fails(fault.NodeNeverReady, m.vm.Name) // kubeadm does not wait for it
	return nil
}
