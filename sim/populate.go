package sim

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rehearse-dev/rehearse/fakes/cpi"
	"github.com/rehearse-dev/rehearse/fakes/etcd"
	"github.com/rehearse-dev/rehearse/fakes/kubeadm"
	"github.com/rehearse-dev/rehearse/fakes/kubelet"
	"github.com/rehearse-dev/rehearse/fakes/kubeovn"
	"github.com/rehearse-dev/rehearse/fakes/vcenter"
)

// populate makes the machines of an adopted cluster run: VMs in vCenter, nodes and their workload in the cluster.
func (w *workload) populate(ctx context.Context, a *adopter, machines []*adopted) error {
	conf, err := w.clusterConfiguration(a)
	if err != nil {
		return err
	}
	w.kubelets.Instant(true)
	defer w.kubelets.Instant(false)
	var members []etcd.Peer
	for _, m := range machines {
		if err := w.createVM(m); err != nil {
			return err
		}
		if m.controlPlane() {
			members = append(members, etcd.Peer{Name: m.host, IP: m.ip, Version: conf.EtcdVersion(m.kubernetes)})
		}
	}
	if err := w.etcd.Bootstrap(members...); err != nil {
		return err
	}
	g, gctx := errgroup.WithContext(ctx)
	for _, m := range machines {
		g.Go(func() error { return w.runAdopted(gctx, a, conf, m) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	objects, err := kubeadm.InitObjects(conf, machines[0].kubernetes)
	if err != nil {
		return err
	}
	if err := w.createAll(ctx, objects); err != nil {
		return err
	}
	if err := kubeovn.Seed(ctx, w.client, a.cluster, w.t.clock.Now()); err != nil {
		return err
	}
	if err := w.releases.watch(); err != nil {
		return err
	}
	return w.createWorkload(ctx)
}

func (w *workload) createVM(m *adopted) error {
	spec := m.vm
	place := vcenter.Place{Datacenter: spec.Datacenter, Folder: spec.Folder, ResourcePool: spec.ResourcePool, Datastore: spec.Datastore}
	for _, d := range spec.Network.Devices {
		place.Networks = append(place.Networks, d.NetworkName)
	}
	vm, err := w.t.createVM(vcenter.VMSpec{Name: m.machine.Name, Template: spec.Template, Place: place, UUID: m.uuid, IP: m.ip,
		NumCPUs: spec.NumCPUs, MemoryMiB: spec.MemoryMiB, DiskGiB: spec.DiskGiB})
	if err != nil {
		return err
	}
	origin, ok := w.t.vcenter.Origin(vm.Ref)
	if !ok {
		return fmt.Errorf("VM %s: it was cloned from no template of the world", m.machine.Name)
	}
	m.kubernetes = origin.Kubernetes
	w.know(m.host, &guest{vm: m.machine.Name, uuid: vm.UUID, ip: m.ip, controlPlane: m.controlPlane(), on: true})
	return nil
}

// createVM makes a VM that is there when the world begins, and remembers it.
func (t *Twin) createVM(s vcenter.VMSpec) (vcenter.VM, error) {
	t.vmsMu.Lock()
	defer t.vmsMu.Unlock()
	vm, err := t.vcenter.CreateVM(s)
	if err == nil {
		t.vms = append(t.vms, savedVM{Spec: s, Ref: vm.Ref.Value})
	}
	return vm, err
}

// runAdopted starts the kubelet of a machine that joined long ago.
func (w *workload) runAdopted(ctx context.Context, a *adopter, conf kubeadm.Cluster, m *adopted) error {
	n := kubelet.Node{Name: m.host, IP: m.ip, Kubernetes: m.kubernetes, ProviderID: m.machine.Spec.ProviderID, UUID: m.uuid, OSImage: osImage,
		Runtime: containerd(m.kubernetes), Images: conf.Preloaded(m.kubernetes),
		CPUs: int64(m.vm.NumCPUs), MemoryMiB: m.vm.MemoryMiB, Labels: map[string]string{corev1.LabelInstanceTypeStable: "vsphere-vm"}, Addresses: cloudAddresses(m.host, m.ip)}
	args := map[string]string{}
	for _, x := range m.registration.KubeletExtraArgs {
		args[x.Name] = ptr.Deref(x.Value, "")
	}
	reg := kubeadm.NewRegistration(m.host, m.controlPlane(), args, m.registration.Taints)
	maps.Copy(n.Labels, reg.Labels)
	n.Taints = slices.DeleteFunc(reg.Taints, func(t corev1.Taint) bool { return t.Key == cpi.Taint })
	if m.controlPlane() {
		n.StaticPods = kubeadm.StaticPods(conf, m.kubernetes, m.ip)
	}
	w.joined(n)
	return w.kubelets.Run(ctx, n)
}

// cloudAddresses are what the cloud provider makes of a node's addresses.
func cloudAddresses(name, ip string) []corev1.NodeAddress {
	return []corev1.NodeAddress{{Type: corev1.NodeHostName, Address: name}, {Type: corev1.NodeInternalIP, Address: ip}, {Type: corev1.NodeExternalIP, Address: ip}}
}

// createAll creates objects of the workload cluster, in order. What is there already stays.
func (w *workload) createAll(ctx context.Context, objects []client.Object) error {
	for _, o := range objects {
		if err := w.client.Create(ctx, o); err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("%T %s/%s: %w", o, o.GetNamespace(), o.GetName(), err)
		}
	}
	return nil
}

// createWorkload applies what the world has running inside the cluster. When it is called again after an error, it goes
// on where it was.
func (w *workload) createWorkload(ctx context.Context) error {
	a, err := newApplier(w.plane.Admin)
	if err != nil {
		return err
	}
	for ; w.created < len(w.plan.workload); w.created++ {
		if err := a.create(ctx, w.plan.workload[w.created]); err != nil {
			return err
		}
	}
	return nil
}

func namespace(name string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

func nestedStrings(o *unstructured.Unstructured, path ...string) ([]string, bool, error) {
	return unstructured.NestedStringSlice(o.Object, path...)
}
