package configpool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "sigs.k8s.io/cluster-api-provider-vsphere/api/govmomi/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	v1beta1conditions "sigs.k8s.io/cluster-api/util/conditions/deprecated/v1beta1"
	"sigs.k8s.io/cluster-api/util/patch"
)

const (
	// SlotAnnotation of a VSphereVM names the slot that it was made for.
	SlotAnnotation = "infrastructure.cluster.x-k8s.io/machine-config-slot-hostname"
	// VMFinalizer of a VSphereVM stands for the last part of what the provider does before it lets one go: CAPV's own
	// finalizer is gone as soon as the VM is.
	VMFinalizer = "machine-config-slot.twin.rehearse.dev"
	// ReadyCondition of a VSphereMachine says whether it has a slot.
	ReadyCondition = "MachineConfigPoolReady"

	slotAllocated    = "SlotAllocated"
	noAvailableSlots = "NoAvailableSlots"
	boundToOther     = "PoolBoundToOtherConsumer"
)

// machineOf is the VSphereMachine that a VSphereVM belongs to and the pool that it refers to; nil when it refers to none.
func (p *Provider) machineOf(ctx context.Context, vm metav1.Object) (machine *unstructured.Unstructured, pool types.NamespacedName, err error) {
	i := slices.IndexFunc(vm.GetOwnerReferences(), func(r metav1.OwnerReference) bool { return r.Kind == "VSphereMachine" })
	if i < 0 {
		return nil, pool, nil
	}
	m := newMachine()
	if err := p.Reader.Get(ctx, client.ObjectKey{Namespace: vm.GetNamespace(), Name: vm.GetOwnerReferences()[i].Name}, m); err != nil {
		return nil, pool, client.IgnoreNotFound(err)
	}
	pool = PoolOf(m)
	if pool.Name == "" {
		return nil, pool, nil
	}
	return m, pool, nil
}

// PoolOf is the pool that a VSphereMachine or a VSphereMachineTemplate refers to, the zero value for none.
func PoolOf(o *unstructured.Unstructured) types.NamespacedName {
	ref, _, _ := unstructured.NestedStringMap(o.Object, Fields[o.GetKind()]...)
	name, ns := ref["name"], ref["namespace"]
	if ns == "" {
		ns = o.GetNamespace()
	}
	if name == "" {
		return types.NamespacedName{}
	}
	return types.NamespacedName{Namespace: ns, Name: name}
}

// Admit is called with every VSphereVM that is about to be stored. A new one gets a slot for its VSphereMachine, or an
// error: the provider makes no VSphereVM without. Then it is given what the slot says. Nothing is written when dry.
func (p *Provider) Admit(ctx context.Context, vm *unstructured.Unstructured, isNew, dry bool) error {
	machine, key, err := p.machineOf(ctx, vm)
	if err != nil || machine == nil {
		return err
	}
	ref := referenceTo(machine)
	if isNew && !dry {
		if err := p.bind(ctx, machine, key, ref); err != nil {
			return err
		}
	}
	o := New()
	if err := p.Reader.Get(ctx, key, o); err != nil {
		return client.IgnoreNotFound(err)
	}
	have, err := read(o)
	if err != nil {
		return err
	}
	s := have.slotOf(have.holds(ref))
	if s == nil {
		return nil // somebody took the slot out of the pool
	}
	return merge(vm, s, have.datacenterOf(s), isNew)
}

func referenceTo(machine *unstructured.Unstructured) corev1.ObjectReference {
	return corev1.ObjectReference{Kind: machine.GetKind(), Namespace: machine.GetNamespace(), Name: machine.GetName(), UID: machine.GetUID()}
}

// bind allocates a slot and says so, or why not, on the VSphereMachine.
func (p *Provider) bind(ctx context.Context, machine *unstructured.Unstructured, key types.NamespacedName, ref corev1.ObjectReference) error {
	r := request{machine: ref}
	r.datacenter, _, _ = unstructured.NestedString(machine.Object, "spec", "datacenter")
	err := p.askedBy(ctx, machine, &r)
	if err != nil {
		return fmt.Errorf("failed to resolve machine consumer for machine config pool allocation: %w", err)
	}
	_, err = p.update(ctx, key, func(have *pool) error {
		_, err := allocate(have, r)
		return err
	})
	if rerr := p.report(ctx, ref, err); rerr != nil {
		return rerr
	}
	if err != nil {
		p.Refused(key.Name, "VSphereMachine "+ref.Name, err.Error())
		return fmt.Errorf("failed to allocate slot from pool: %w", err)
	}
	return nil
}

// askedBy completes a request with what the Machine knows: whose it is, and in which failure domain.
func (p *Provider) askedBy(ctx context.Context, machine *unstructured.Unstructured, r *request) error {
	i := slices.IndexFunc(machine.GetOwnerReferences(), func(o metav1.OwnerReference) bool { return o.Kind == "Machine" })
	if i < 0 {
		return errors.New("the VSphereMachine has no Machine")
	}
	m := &clusterv1.Machine{}
	key := client.ObjectKey{Namespace: machine.GetNamespace(), Name: machine.GetOwnerReferences()[i].Name}
	if err := p.Reader.Get(ctx, key, m); err != nil {
		return err
	}
	var ok bool
	if r.consumer, ok = consumerOf(m); !ok {
		return fmt.Errorf("failed to resolve consumer for Machine %s", key)
	}
	if m.Spec.FailureDomain == "" {
		return nil
	}
	zone := &infrav1.VSphereDeploymentZone{}
	if err := p.Reader.Get(ctx, client.ObjectKey{Name: m.Spec.FailureDomain}, zone); err != nil {
		return err
	}
	domain := &infrav1.VSphereFailureDomain{}
	if err := p.Reader.Get(ctx, client.ObjectKey{Name: zone.Spec.FailureDomain}, domain); err != nil {
		return err
	}
	r.zone = domain.Spec.Topology.Datacenter
	return nil
}

// consumerOf is whose machine it is, in the version of the site's documents.
func consumerOf(m *clusterv1.Machine) (corev1.ObjectReference, bool) {
	if name := m.Labels[clusterv1.MachineControlPlaneNameLabel]; name != "" {
		return Consumer("KubeadmControlPlane", m.Namespace, name), true
	}
	if name := m.Labels[clusterv1.MachineDeploymentNameLabel]; name != "" {
		return Consumer("MachineDeployment", m.Namespace, name), true
	}
	return corev1.ObjectReference{}, false
}

// Consumer is how a pool's status names a KubeadmControlPlane or a MachineDeployment.
func Consumer(kind, namespace, name string) corev1.ObjectReference {
	version := map[string]string{"KubeadmControlPlane": "controlplane.cluster.x-k8s.io/v1beta1", "MachineDeployment": "cluster.x-k8s.io/v1beta1"}
	return corev1.ObjectReference{APIVersion: version[kind], Kind: kind, Namespace: namespace, Name: name}
}

// report writes the condition of a VSphereMachine into both lists, as CAPV's patch helper does it.
func (p *Provider) report(ctx context.Context, ref corev1.ObjectReference, why error) error {
	m := &infrav1.VSphereMachine{}
	if err := p.Reader.Get(ctx, client.ObjectKey{Namespace: ref.Namespace, Name: ref.Name}, m); err != nil {
		return err
	}
	helper, err := patch.NewHelper(m, p.Client)
	if err != nil {
		return err
	}
	now, old := metav1.Condition{Type: ReadyCondition, Status: metav1.ConditionTrue, Reason: slotAllocated}, v1beta1conditions.TrueCondition(ReadyCondition)
	if why != nil {
		reason := noAvailableSlots
		if bound := (*boundError)(nil); errors.As(why, &bound) {
			reason = boundToOther
		}
		now.Status, now.Reason, now.Message = metav1.ConditionFalse, reason, why.Error()
		old = v1beta1conditions.FalseCondition(ReadyCondition, reason, clusterv1.ConditionSeverityWarning, "%s", why.Error())
	}
	conditions.Set(m, now)
	v1beta1conditions.Set(m, old)
	return helper.Patch(ctx, m, patch.WithOwnedConditions{Conditions: []string{ReadyCondition}},
		patch.WithOwnedV1Beta1Conditions{Conditions: []clusterv1.ConditionType{ReadyCondition}})
}

// Release is called for a VSphereVM that is being deleted. When its VM is gone from vCenter, it gives the slot back, or
// says that a disk of it is still attached somewhere and asks to be called again after the returned site time.
func (p *Provider) Release(ctx context.Context, key types.NamespacedName) (after time.Duration, err error) {
	vm := &infrav1.VSphereVM{}
	if err := p.Reader.Get(ctx, key, vm); err != nil {
		return 0, client.IgnoreNotFound(err)
	}
	if vm.DeletionTimestamp == nil || !slices.Equal(vm.Finalizers, []string{VMFinalizer}) {
		return 0, nil
	}
	machine, pool, err := p.machineOf(ctx, vm)
	if err != nil {
		return 0, err
	}
	if machine != nil {
		after, err := p.giveBack(ctx, vm, pool, referenceTo(machine))
		if err != nil || after > 0 {
			return after, err
		}
	}
	before := vm.DeepCopy()
	vm.Finalizers = nil
	return 0, client.IgnoreNotFound(p.Client.Patch(ctx, vm, client.MergeFrom(before)))
}

func (p *Provider) giveBack(ctx context.Context, vm *infrav1.VSphereVM, key types.NamespacedName, ref corev1.ObjectReference) (after time.Duration, err error) {
	var attached []string
	_, err = p.update(ctx, key, func(have *pool) error {
		s := have.slotOf(have.holds(ref))
		if s == nil {
			return nil
		}
		if attached = p.attached(s); len(attached) == 0 {
			release(have, s.Hostname, p.Clock.Now())
		}
		return nil
	})
	if apierrors.IsNotFound(err) {
		return 0, nil // no pool, no slot
	}
	if len(attached) == 0 {
		return 0, err
	}
	p.Events.Eventf(vm, corev1.EventTypeWarning, "PersistentDiskStillAttached",
		"Waiting to release machine config pool slot because persistent disks are still attached: %v", attached)
	return pollAttached, err
}

// attached says in words which disks of a slot VMs have.
func (p *Provider) attached(s *slot) []string {
	var l []string
	for _, d := range s.PersistentDisks {
		if d.VolumePath == "" {
			continue
		}
		if stored, ok := p.Storage.Disk(d.VolumePath); ok {
			l = append(l, stored.On...)
		}
	}
	return l
}

// Disk is a persistent disk as the clone of a VM needs it.
type Disk struct {
	Path, UUID string // UUID is empty for one that is to be made
	SizeGiB    int32
	Unit       *int32
}

// GuestDisk is a persistent disk as the guest finds it in its table of disks.
type GuestDisk struct {
	Name      string `json:"name"`
	MountPath string `json:"mountPath,omitempty"`
	Wipe      bool   `json:"wipeFilesystem,omitempty"`
	Used      bool   `json:"used,omitempty"` // another machine has had it
}

// The keys of a VM's advanced configuration in which the guest finds what its slot says.
const (
	HostnameKey = "guestinfo.machine-config-slot.hostname"
	DisksKey    = "guestinfo.machine-config-slot.persistent-disks"
)

// Clone is what the clone of a VM gets from its slot.
type Clone struct {
	Disks       []Disk
	ExtraConfig map[string]string
}

// CloneOf says what the VM of a name gets; nothing when no slot is behind it.
func (p *Provider) CloneOf(ctx context.Context, vmName string) (Clone, error) {
	have, s, machine, err := p.slotOfVM(ctx, vmName, false)
	if err != nil || s == nil {
		return Clone{}, err
	}
	c := Clone{ExtraConfig: map[string]string{HostnameKey: s.Hostname}}
	var table []GuestDisk
	store := p.datastore(have, s, machine)
	for i := range s.PersistentDisks {
		d := &s.PersistentDisks[i]
		at := have.path(s, d, store)
		stored, there := p.Storage.Disk(at)
		if !there && d.DiskUUID != "" {
			stored.UUID = d.DiskUUID // the provider believes in it: vCenter will not find the file
		}
		c.Disks = append(c.Disks, Disk{Path: at, UUID: stored.UUID, SizeGiB: d.SizeGiB, Unit: d.UnitNumber})
		table = append(table, GuestDisk{Name: d.Name, MountPath: path.Clean("/" + d.MountPath), Wipe: d.WipeFilesystem, Used: there})
	}
	text, err := json.Marshal(table)
	c.ExtraConfig[DisksKey] = string(text)
	return c, err
}

// Keeps are the paths of the disks that the provider takes off a VM because it is deleting it.
func (p *Provider) Keeps(ctx context.Context, vmName string) ([]string, error) {
	_, s, _, err := p.slotOfVM(ctx, vmName, true)
	if err != nil || s == nil {
		return nil, err
	}
	var l []string
	for _, d := range s.PersistentDisks {
		if d.VolumePath != "" {
			l = append(l, d.VolumePath)
		}
	}
	return l, nil
}

// slotOfVM finds the slot of the VSphereVM of that name, which is being deleted or is not. The slot is nil for none.
func (p *Provider) slotOfVM(ctx context.Context, name string, deleting bool) (*pool, *slot, *unstructured.Unstructured, error) {
	l := &infrav1.VSphereVMList{}
	if err := p.Reader.List(ctx, l); err != nil {
		return nil, nil, nil, err
	}
	for i := range l.Items {
		vm := &l.Items[i]
		if vm.Name != name || (vm.DeletionTimestamp != nil) != deleting {
			continue
		}
		machine, key, err := p.machineOf(ctx, vm)
		if err != nil || machine == nil {
			return nil, nil, nil, err
		}
		o := New()
		if err := p.Reader.Get(ctx, key, o); err != nil {
			return nil, nil, nil, err
		}
		have, err := read(o)
		if err != nil {
			return nil, nil, nil, err
		}
		return have, have.slotOf(have.holds(referenceTo(machine))), machine, nil
	}
	return nil, nil, nil, nil
}
