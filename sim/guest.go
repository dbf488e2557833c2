package sim

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"sigs.k8s.io/cluster-api/util/secret"

	"github.com/rehearse-dev/rehearse/fakes/etcd"
	"github.com/rehearse-dev/rehearse/fakes/kubeadm"
	"github.com/rehearse-dev/rehearse/fakes/kubelet"
	"github.com/rehearse-dev/rehearse/fakes/vcenter"
	"github.com/rehearse-dev/rehearse/sim/clock"
)

// This file is the operating system inside a VM, from power on to power off: VMware Tools report an address, cloud-init
// reads the bootstrap data that CAPV put into guestinfo, kubeadm inits or joins, the kubelet registers its node.

// guest is the operating system of one machine.
type guest struct {
	name, uuid, ip string
	controlPlane   bool
}

// osImage is what the nodes report.
const osImage = "MicroOS (rehearsal twin)"

// know remembers a machine of the cluster.
func (w *workload) know(g *guest) { w.mu.Lock(); defer w.mu.Unlock(); w.guests[g.name] = g }

// power is vCenter's word that a VM was powered on or off.
func (t *Twin) power(vm vcenter.VM, on bool) {
	if !on {
		t.powerOff(vm.Name)
		return
	}
	d := t.plan.durations
	ctx := t.beginBoot(vm.Name)
	t.after(ctx, "guest "+vm.Name+" address", d.For("guest-address", vm.Name), func() {
		ip := t.addresses.lease(vm.Name)
		if err := t.vcenter.SetIP(vm.Ref, ip); err != nil {
			return // the VM is gone
		}
		t.after(ctx, "guest "+vm.Name+" cloud-init", d.For("guest-boot", vm.Name), func() { t.cloudInit(ctx, vm, ip) })
	})
}

// beginBoot returns what ends when the VM is powered off or removed: nothing that it has begun may go on then.
func (t *Twin) beginBoot(name string) context.Context {
	ctx, cancel := context.WithCancel(t.run)
	t.mu.Lock()
	defer t.mu.Unlock()
	if before := t.boots[name]; before != nil {
		before()
	}
	t.boots[name] = cancel
	return ctx
}

// after runs fn when d of site time has passed, unless ctx has ended by then.
func (t *Twin) after(ctx context.Context, what string, d time.Duration, fn func()) {
	t.clock.After(what, d, func() {
		if ctx.Err() == nil {
			fn()
		}
	})
}

func (t *Twin) powerOff(name string) {
	t.mu.Lock()
	end := t.boots[name]
	delete(t.boots, name)
	t.mu.Unlock()
	if end != nil {
		end()
	}
	for _, w := range t.workloads {
		w.mu.Lock()
		g := w.guests[name]
		delete(w.guests, name)
		w.mu.Unlock()
		if g == nil {
			continue
		}
		w.kubelets.Remove(name)
		if g.controlPlane {
			w.etcd.Stop(name)
		}
	}
}

// removed is vCenter's word that a VM is gone.
func (t *Twin) removed(vm vcenter.VM) {
	t.powerOff(vm.Name)
	t.addresses.release(vm.Name)
}

// cloudInit runs once per machine. What fails here fails for good, as on a real machine: somebody has to replace it.
func (t *Twin) cloudInit(ctx context.Context, vm vcenter.VM, ip string) {
	w, b, err := t.readBootstrap(vm)
	if err != nil {
		t.o.Log.Error(err, "cloud-init", "vm", vm.Name)
		return
	}
	origin, ok := t.vcenter.Origin(vm.Ref)
	if !ok {
		t.o.Log.Error(errors.New("the VM was cloned from no template of the world"), "cloud-init", "vm", vm.Name)
		return
	}
	m := &booting{ctx: ctx, w: w, b: b, vm: vm, ip: ip, kubernetes: origin.Kubernetes, key: "kubeadm-join"}
	if b.Init {
		m.key = "kubeadm-init"
	}
	t.after(ctx, "guest "+vm.Name+" "+m.key, t.plan.durations.For(m.key, vm.Name), func() { m.retry(m.run) })
}

// readBootstrap reads what CAPV wrote into guestinfo, and finds the cluster that the machine belongs to by the address
// that it was told.
func (t *Twin) readBootstrap(vm vcenter.VM) (*workload, *kubeadm.Bootstrap, error) {
	meta, err := t.vcenter.GuestInfo(vm.Ref, "metadata")
	if err != nil {
		return nil, nil, err
	}
	var m struct {
		LocalHostname string `json:"local-hostname"`
	}
	if err := yaml.Unmarshal(meta, &m); err != nil {
		return nil, nil, fmt.Errorf("guestinfo.metadata: %w", err)
	}
	if m.LocalHostname == "" {
		m.LocalHostname = vm.Name
	}
	user, err := t.vcenter.GuestInfo(vm.Ref, "userdata")
	if err != nil {
		return nil, nil, err
	}
	b, err := kubeadm.Parse(user, m.LocalHostname)
	if err != nil {
		return nil, nil, err
	}
	for _, w := range t.workloads {
		if w.endpoint.addr.String() == strings.TrimPrefix(b.Endpoint, "https://") {
			return w, b, nil
		}
	}
	return nil, nil, fmt.Errorf("no cluster has the endpoint %q", b.Endpoint)
}

// booting is a machine in kubeadm's hands.
type booting struct {
	ctx                 context.Context // ends with the VM's power
	w                   *workload
	b                   *kubeadm.Bootstrap
	vm                  vcenter.VM
	ip, kubernetes, key string
	tries               int
}

// pause is the site time between two tries of what kubeadm repeats (etcd membership, an API server that does not
// answer), and patience how often it tries
// (k8s.io/kubernetes@v1.35.4 cmd/kubeadm/app/constants: 500 ms to 5 s for several minutes).
const (
	kubeadmPause = 5 * time.Second
	kubeadmTries = 60
)

// retry runs step until it succeeds or kubeadm gives up.
func (m *booting) retry(step func(context.Context) error) {
	t := m.w.t
	err := step(m.ctx)
	if t.run.Err() != nil {
		return
	}
	if m.ctx.Err() != nil {
		t.powerOff(m.b.Node.Name) // what the step has started meanwhile
		return
	}
	if err == nil {
		return
	}
	m.tries++
	if final := (*joinError)(nil); errors.As(err, &final) || m.tries == kubeadmTries {
		t.o.Log.Error(err, "kubeadm", "machine", m.b.Node.Name)
		return
	}
	t.after(m.ctx, "guest "+m.b.Node.Name+" kubeadm", kubeadmPause, func() { m.retry(step) })
}

// joinError ends kubeadm for good.
type joinError struct{ reason string }

func (e *joinError) Error() string { return e.reason }

func (m *booting) run(ctx context.Context) error {
	if m.b.Init {
		return m.init(ctx)
	}
	return m.join(ctx)
}

// init makes the cluster. Its certificates are in the bootstrap data as well as in the management cluster's Secrets.
func (m *booting) init(ctx context.Context) error {
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
	name := m.b.Node.Name
	if err := m.b.Cluster.MayInit(m.kubernetes); err != nil {
		return &joinError{err.Error()}
	}
	if err := w.etcd.Bootstrap(m.peer(m.b.Cluster)); err != nil {
		return &joinError{err.Error()}
	}
	if err := m.runKubelet(ctx, m.b.Cluster); err != nil {
		return err
	}
	objects, err := kubeadm.InitObjects(m.b.Cluster, m.kubernetes)
	if err != nil {
		return &joinError{err.Error()}
	}
	if err := w.createAll(ctx, objects); err != nil {
		return fmt.Errorf("kubeadm init on %s: %w", name, err)
	}
	return w.createWorkload(ctx)
}

func (w *workload) readCertificates(ctx context.Context) error {
	w.certs = secret.NewCertificatesForInitialControlPlane(nil)
	if err := w.certs.Lookup(ctx, w.t.admin, client.ObjectKey{Namespace: w.namespace, Name: w.name}); err != nil {
		return err
	}
	return w.certs.EnsureAllExist()
}

// join reads the cluster's configuration from the cluster, as kubeadm does, and joins it.
func (m *booting) join(ctx context.Context) error {
	w := m.w
	if reason := w.joins.hit(m.b); reason != "" {
		return &joinError{reason}
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
	cm := &corev1.ConfigMap{}
	if err := w.client.Get(ctx, client.ObjectKey{Namespace: metav1.NamespaceSystem, Name: "kubeadm-config"}, cm); err != nil {
		return err
	}
	conf, err := kubeadm.ReadCluster([]byte(cm.Data["ClusterConfiguration"]))
	if err != nil {
		return &joinError{err.Error()}
	}
	if err := conf.MayJoin(m.kubernetes); err != nil {
		return &joinError{err.Error()}
	}
	if m.b.ControlPlane {
		if err := m.joinEtcd(conf); err != nil {
			return err
		}
	}
	return m.runKubelet(ctx, conf)
}

// joinEtcd adds the member as a learner and makes it a voter; every part of it may be tried again.
func (m *booting) joinEtcd(conf kubeadm.Cluster) error {
	e := m.w.etcd
	if err := e.AddLearner(m.peer(conf)); err != nil {
		return err
	}
	if err := e.Start(m.b.Node.Name); err != nil {
		return err
	}
	return e.Promote(m.b.Node.Name)
}

func (m *booting) peer(c kubeadm.Cluster) etcd.Peer {
	return etcd.Peer{Name: m.b.Node.Name, IP: m.ip, Version: etcdVersion(c.EtcdTag)}
}

func (m *booting) runKubelet(ctx context.Context, conf kubeadm.Cluster) error {
	n := m.b.Node
	node := kubelet.Node{Name: n.Name, IP: m.ip, Kubernetes: m.kubernetes, UUID: m.vm.UUID, CPUs: m.vm.NumCPUs, MemoryMiB: m.vm.MemoryMiB, OSImage: osImage, Labels: n.Labels, Taints: n.Taints}
	if m.b.ControlPlane {
		node.StaticPods = kubeadm.StaticPods(conf, m.kubernetes, m.ip)
	}
	m.w.know(&guest{name: n.Name, uuid: m.vm.UUID, ip: m.ip, controlPlane: m.b.ControlPlane})
	return m.w.kubelets.Run(ctx, node)
}

// etcdVersion is the version in an image tag such as v3.5.27-260305.
func etcdVersion(tag string) string {
	v, _, _ := strings.Cut(strings.TrimPrefix(tag, "v"), "-")
	if v == "" {
		return "3.5.24"
	}
	return v
}
