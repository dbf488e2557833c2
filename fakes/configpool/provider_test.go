package configpool_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/record"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/yaml"

	infrav1 "sigs.k8s.io/cluster-api-provider-vsphere/api/govmomi/v1beta2"
	controlplanev1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	"github.com/rehearse-dev/rehearse/fakes/configpool"
	"github.com/rehearse-dev/rehearse/fakes/fakekit/fakeclock"
)

const ns = "cpaas-system"

// stock is a datastore.
type stock struct {
	uuids map[string]string
	on    map[string][]string
	tasks map[string]string // how they end; "…" while they run
	last  string            // what was deleted last
	err   error             // of the next Delete
}

func (s *stock) Disk(path string) (configpool.Stored, bool) {
	id, ok := s.uuids[path]
	return configpool.Stored{UUID: id, On: s.on[path]}, ok
}

func (s *stock) Delete(_, path string) (string, error) {
	if s.err != nil {
		return "", s.err
	}
	s.last = path
	key := fmt.Sprintf("task-%d", len(s.tasks)+1)
	s.tasks[key] = "…"
	return key, nil
}

func (s *stock) Task(key string) (done bool, fault string, gone bool, err error) {
	end := s.tasks[key]
	return end != "…", end, end == "File not found", nil
}

func (s *stock) Datastore(_, wanted string) string { return wanted }

// site is a management cluster with a provider of pools.
type site struct {
	*configpool.Provider
	t      *testing.T
	client client.Client
	clock  *fakeclock.Clock
	stock  *stock
	events *record.FakeRecorder
}

func newSite(t *testing.T, text string) *site {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, clusterv1.AddToScheme, controlplanev1.AddToScheme, infrav1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	scheme.AddKnownTypeWithName(configpool.GroupVersionKind(), &unstructured.Unstructured{})
	list := configpool.GroupVersionKind()
	list.Kind += "List"
	scheme.AddKnownTypeWithName(list, &unstructured.UnstructuredList{})
	var objects []client.Object
	for _, doc := range strings.Split(text, "\n---\n") {
		o := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(doc), &o.Object); err != nil {
			t.Fatal(err)
		}
		o.SetNamespace(ns)
		objects = append(objects, o)
	}
	s := &site{t: t, clock: fakeclock.New(), stock: &stock{map[string]string{}, map[string][]string{}, map[string]string{}, "", nil}, events: record.NewFakeRecorder(100)}
	// The fake client stores the Go types of CAPV, which do not know the field; the API server keeps it.
	keep := interceptor.Funcs{Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
		err := c.Get(ctx, key, o, opts...)
		if u, ok := o.(*unstructured.Unstructured); ok && err == nil && configpool.Fields[u.GetKind()] != nil {
			return unstructured.SetNestedStringMap(u.Object, map[string]string{"name": "cp"}, configpool.Fields[u.GetKind()]...)
		}
		return err
	}}
	s.client = fake.NewClientBuilder().WithInterceptorFuncs(keep).WithScheme(scheme).WithObjects(objects...).
		WithStatusSubresource(configpool.New(), &infrav1.VSphereMachine{}, &infrav1.VSphereVM{}).Build()
	s.Provider = configpool.NewProvider(configpool.Config{Client: s.client, Reader: s.client, Storage: s.stock, Clock: s.clock, Events: s.events})
	return s
}

const estate = `
apiVersion: cluster.x-k8s.io/v1beta2
kind: Cluster
metadata: {name: prod-b}
spec: {infrastructureRef: {apiGroup: infrastructure.cluster.x-k8s.io, kind: VSphereCluster, name: prod-b}}
---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: VSphereCluster
metadata: {name: prod-b}
spec: {server: vc, identityRef: {kind: Secret, name: account}}
---
apiVersion: v1
kind: Secret
metadata: {name: account}
data: {username: YQ==, password: Yg==}
---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta1
kind: VSphereMachineConfigPool
metadata: {name: cp, finalizers: [vspheremachineconfigpool.infrastructure.cluster.x-k8s.io]}
spec:
  clusterRef: {name: prod-b}
  datacenter: dc-1
  releaseDelayHours: 1
  configs:
  - hostname: cp-1
    network: {primary: {networkName: vlan-1, deviceName: eth0, ip: 10.0.0.11/24, gateway: 10.0.0.1, dns: [10.0.0.2]}}
    persistentDisks: [{name: var-lib-etcd, sizeGiB: 100, mountPath: /var/lib/etcd, wipeFilesystem: true}]
---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: VSphereMachineTemplate
metadata: {name: cp}
spec: {template: {spec: {template: t, network: {devices: []}, machineConfigPoolRef: {name: cp}}}}`

// machine makes what there is when CAPV is about to store a VSphereVM, and returns that.
func (s *site) machine(name, kcp string) *unstructured.Unstructured {
	s.t.Helper()
	m := &clusterv1.Machine{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name, Labels: map[string]string{clusterv1.MachineControlPlaneNameLabel: kcp}}}
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "infrastructure.cluster.x-k8s.io/v1beta2", "kind": "VSphereMachine",
		"metadata": map[string]any{"namespace": ns, "name": name, "uid": name, "ownerReferences": []any{map[string]any{"apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Machine", "name": name, "uid": "u"}}},
		"spec":     map[string]any{"datacenter": "dc-1", "datastore": "ds-1", "machineConfigPoolRef": map[string]any{"name": "cp"}}}}
	for _, x := range []client.Object{m, o} {
		if err := s.client.Create(s.t.Context(), x); err != nil {
			s.t.Fatal(err)
		}
	}
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "infrastructure.cluster.x-k8s.io/v1beta2", "kind": "VSphereVM",
		"metadata": map[string]any{"namespace": ns, "name": name, "ownerReferences": []any{map[string]any{"apiVersion": "infrastructure.cluster.x-k8s.io/v1beta2", "kind": "VSphereMachine", "name": name, "uid": name}}},
		"spec":     map[string]any{"network": map[string]any{"devices": []any{map[string]any{"networkName": "other", "dhcp4": true}}}}}}
}

// admit stores a VSphereVM.
func (s *site) admit(vm *unstructured.Unstructured) {
	s.t.Helper()
	if err := s.Admit(s.t.Context(), vm, true, false); err != nil {
		s.t.Fatal(err)
	}
	if err := s.client.Create(s.t.Context(), vm); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) pool() *unstructured.Unstructured {
	s.t.Helper()
	o := configpool.New()
	if err := s.client.Get(s.t.Context(), types.NamespacedName{Namespace: ns, Name: "cp"}, o); err != nil {
		s.t.Fatal(err)
	}
	return o
}

// slot is "state machine reclaim" of the one slot.
func (s *site) slot() string {
	s.t.Helper()
	l, _, _ := unstructured.NestedSlice(s.pool().Object, "status", "configStatuses")
	if len(l) != 1 {
		s.t.Fatalf("got %d slots, want 1", len(l))
	}
	m := l[0].(map[string]any)
	field := func(path ...string) string { v, _, _ := unstructured.NestedString(m, path...); return v }
	return strings.TrimSpace(field("state") + " " + field("machineRef", "name") + " " + field("reclaimStatus", "state"))
}

func (s *site) disk() (path, uuid string) {
	configs, _, _ := unstructured.NestedSlice(s.pool().Object, "spec", "configs")
	d := configs[0].(map[string]any)["persistentDisks"].([]any)[0].(map[string]any)
	path, _ = d["volumePath"].(string)
	uuid, _ = d["diskUUID"].(string)
	return path, uuid
}

func (s *site) reconcile(want time.Duration) {
	s.t.Helper()
	got, err := s.Reconcile(s.t.Context(), types.NamespacedName{Namespace: ns, Name: "cp"})
	if err != nil || got != want {
		s.t.Errorf("reconcile: got %s %v, want %s", got, err, want)
	}
}

func (s *site) says(want ...string) {
	s.t.Helper()
	var got []string
	for len(s.events.Events) > 0 {
		got = append(got, <-s.events.Events)
	}
	if !slices.Equal(got, want) {
		s.t.Errorf("events: got %q, want %q", got, want)
	}
}

// deletes removes a VSphereVM's VM: CAPV's finalizer is gone, ours is there.
func (s *site) deletes(name string) {
	s.t.Helper()
	if err := s.client.Delete(s.t.Context(), &infrav1.VSphereVM{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) release(name string, want time.Duration) {
	s.t.Helper()
	got, err := s.Release(s.t.Context(), types.NamespacedName{Namespace: ns, Name: name})
	if err != nil || got != want {
		s.t.Errorf("release: got %s %v, want %s", got, err, want)
	}
}

const etcdDisk = "[ds-1] cp-cp-1/var-lib-etcd.vmdk"

func TestASlotFromOneMachineToTheNext(t *testing.T) {
	s := newSite(t, estate)
	vm := s.machine("a", "kcp")
	s.admit(vm)
	want := map[string]any{"networkName": "vlan-1", "deviceName": "eth0", "dhcp4": false, "ipAddrs": []any{"10.0.0.11/24"}, "gateway4": "10.0.0.1", "nameservers": []any{"10.0.0.2"}}
	devices, _, _ := unstructured.NestedSlice(vm.Object, "spec", "network", "devices")
	if diff := cmp.Diff([]any{want}, devices); diff != "" {
		t.Errorf("devices (-want +got):\n%s", diff)
	}
	if got, _, _ := unstructured.NestedString(vm.Object, "spec", "datacenter"); got != "dc-1" || vm.GetAnnotations()[configpool.SlotAnnotation] != "cp-1" {
		t.Errorf("got datacenter %q and %v", got, vm.GetAnnotations())
	}
	m := &infrav1.VSphereMachine{}
	if err := s.client.Get(t.Context(), types.NamespacedName{Namespace: ns, Name: "a"}, m); err != nil {
		t.Fatal(err)
	}
	if c := m.Status.Conditions; len(c) != 1 || c[0].Type != "MachineConfigPoolReady" || c[0].Status != "True" || c[0].Reason != "SlotAllocated" {
		t.Errorf("conditions: got %+v", c)
	}
	clone, err := s.CloneOf(t.Context(), "a")
	if err != nil || len(clone.Disks) != 1 || clone.Disks[0].Path != etcdDisk || clone.Disks[0].UUID != "" || clone.ExtraConfig[configpool.HostnameKey] != "cp-1" ||
		clone.ExtraConfig[configpool.DisksKey] != `[{"name":"var-lib-etcd","mountPath":"/var/lib/etcd","wipeFilesystem":true}]` {
		t.Errorf("clone: got %+v %v", clone, err)
	}
	s.stock.uuids[etcdDisk] = "u-1" // the clone has made it
	s.reconcile(0)
	if path, id := s.disk(); path != etcdDisk || id != "u-1" {
		t.Errorf("backfill: got %q %q", path, id)
	}
	if keeps, err := s.Keeps(t.Context(), "a"); err != nil || len(keeps) != 0 {
		t.Errorf("a machine that stays: got %v %v", keeps, err)
	}

	// A second machine finds no slot, another consumer none of its.
	const none = "failed to allocate slot from pool: no available slots in pool cpaas-system/cp matching datacenter \"dc-1\""
	if err := s.Admit(t.Context(), s.machine("b", "kcp"), true, false); err == nil || err.Error() != none {
		t.Errorf("got %v, want %s", err, none)
	}
	const bound = "failed to allocate slot from pool: machine config pool cpaas-system/cp is bound to KubeadmControlPlane cpaas-system/kcp"
	if err := s.Admit(t.Context(), s.machine("c", "other"), true, false); err == nil || err.Error() != bound {
		t.Errorf("got %v, want %s", err, bound)
	}
	for name, reason := range map[string]string{"b": "NoAvailableSlots", "c": "PoolBoundToOtherConsumer"} {
		if err := s.client.Get(t.Context(), types.NamespacedName{Namespace: ns, Name: name}, m); err != nil {
			t.Fatal(err)
		}
		if c := m.Status.Conditions; len(c) != 1 || c[0].Status != "False" || c[0].Reason != reason {
			t.Errorf("%s: got %+v, want %s", name, c, reason)
		}
	}

	// The first one goes, while somebody has its disk.
	s.deletes("a")
	if keeps, err := s.Keeps(t.Context(), "a"); err != nil || !slices.Equal(keeps, []string{etcdDisk}) {
		t.Errorf("a machine that goes: got %v %v", keeps, err)
	}
	s.stock.on[etcdDisk] = []string{etcdDisk + " attached to backup (VirtualMachine:vm-9) diskKey=2001"}
	s.release("a", 30*time.Second)
	s.says("Warning PersistentDiskStillAttached Waiting to release machine config pool slot because persistent disks are still attached: " +
		"[" + etcdDisk + " attached to backup (VirtualMachine:vm-9) diskKey=2001]")
	if got := s.slot(); got != "InUse a" {
		t.Errorf("slot: got %q", got)
	}
	delete(s.stock.on, etcdDisk)
	s.release("a", 0)
	s.says()
	if got := s.slot(); got != "Released a" {
		t.Errorf("slot: got %q", got)
	}
	if err := s.client.Get(t.Context(), types.NamespacedName{Namespace: ns, Name: "a"}, &infrav1.VSphereVM{}); err == nil {
		t.Error("the VSphereVM is still there")
	}

	// The next one takes the slot with its disk.
	s.admit(s.machine("d", "kcp"))
	clone, err = s.CloneOf(t.Context(), "d")
	if err != nil || len(clone.Disks) != 1 || clone.Disks[0].UUID != "u-1" || !strings.Contains(clone.ExtraConfig[configpool.DisksKey], `"used":true`) {
		t.Errorf("clone: got %+v %v", clone, err)
	}
}

func TestAReleasedSlotIsReclaimed(t *testing.T) {
	s := newSite(t, estate)
	s.admit(s.machine("a", "kcp"))
	s.stock.uuids[etcdDisk] = "u-1"
	s.reconcile(0)
	s.deletes("a")
	s.release("a", 0)
	s.reconcile(time.Hour + time.Second)
	s.clock.Advance(time.Hour + time.Second)
	s.stock.err = errors.New("no route to host")
	s.reconcile(10 * time.Minute)
	s.stock.err = nil
	s.reconcile(15 * time.Second)
	if got := s.slot(); got != "Released a Running" || s.stock.last != etcdDisk {
		t.Errorf("got %q, deleted %q", got, s.stock.last)
	}
	s.reconcile(15 * time.Second)
	s.stock.tasks["task-1"] = "no permission"
	s.reconcile(time.Minute)
	if got := s.slot(); got != "Released a Failed" {
		t.Errorf("got %q", got)
	}
	s.clock.Advance(time.Minute)
	s.reconcile(15 * time.Second)
	s.stock.tasks["task-2"] = "" // well
	s.reconcile(time.Second)
	if path, id := s.disk(); path != "" || id != "" {
		t.Errorf("disk: got %q %q, want none", path, id)
	}
	s.reconcile(0)
	if got := s.slot(); got != "Available  Completed" {
		t.Errorf("got %q", got)
	}
	s.says()
	s.reconcile(0)
	s.says("Normal ConsumerUnbound Pool is fully reusable, cleared consumer binding to KubeadmControlPlane cpaas-system/kcp")
}

func TestAnOrphanedSlotIsReleased(t *testing.T) {
	s := newSite(t, estate)
	s.admit(s.machine("a", "kcp"))
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "infrastructure.cluster.x-k8s.io/v1beta2", "kind": "VSphereMachine", "metadata": map[string]any{"namespace": ns, "name": "a"}}}
	if err := s.client.Delete(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	s.reconcile(time.Second)
	if got := s.slot(); got != "Released a" {
		t.Errorf("got %q", got)
	}
}

func TestAPoolInUseIsNotDeleted(t *testing.T) {
	s := newSite(t, estate)
	s.admit(s.machine("a", "kcp"))
	s.stock.uuids[etcdDisk] = "u-1"
	s.reconcile(0)
	if err := s.client.Delete(t.Context(), s.pool()); err != nil {
		t.Fatal(err)
	}
	const want = "blocking VSphereMachineConfigPool deletion: currently in use by VSphereMachines [cpaas-system/a]"
	if _, err := s.Reconcile(t.Context(), types.NamespacedName{Namespace: ns, Name: "cp"}); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	s.deletes("a")
	s.release("a", 0)
	s.reconcile(15 * time.Second) // at once: nobody waits for a machine to come
	s.stock.tasks["task-1"] = ""
	s.reconcile(time.Second)
	s.reconcile(0)
	if err := s.client.Get(t.Context(), types.NamespacedName{Namespace: ns, Name: "cp"}, configpool.New()); err == nil {
		t.Error("the pool is still there")
	}
}

func TestAPoolSaysWhyItsClusterDoesNotLeadToVCenter(t *testing.T) {
	for drop, want := range map[string]string{
		"Cluster":        `ClusterRefReady False ClusterNotFound Cluster cpaas-system/prod-b not found: clusters.cluster.x-k8s.io "prod-b" not found`,
		"VSphereCluster": `ClusterRefReady False VSphereClusterNotFound VSphereCluster cpaas-system/prod-b not found: vsphereclusters.infrastructure.cluster.x-k8s.io "prod-b" not found`,
		"Secret":         `VCenterAvailable False IdentityCredentialsUnavailable Failed to resolve credentials from IdentityRef: secrets "account" not found`,
	} {
		var docs []string
		for _, d := range strings.Split(estate, "\n---\n") {
			if !strings.Contains(d, "kind: "+drop+"\n") {
				docs = append(docs, d)
			}
		}
		s := newSite(t, strings.Join(docs, "\n---\n"))
		s.reconcile(30 * time.Second)
		l, _, _ := unstructured.NestedSlice(s.pool().Object, "status", "conditions")
		c := l[len(l)-1].(map[string]any)
		if got := fmt.Sprintf("%s %s %s %s", c["type"], c["status"], c["reason"], c["message"]); got != want {
			t.Errorf("without %s:\ngot  %s\nwant %s", drop, got, want)
		}
	}
}

func TestConsumersAreAdmitted(t *testing.T) {
	s := newSite(t, estate)
	kcp := func(name, template string) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "controlplane.cluster.x-k8s.io/v1beta1", "kind": "KubeadmControlPlane",
			"metadata": map[string]any{"namespace": ns, "name": name},
			"spec":     map[string]any{"machineTemplate": map[string]any{"infrastructureRef": map[string]any{"kind": "VSphereMachineTemplate", "name": template}}}}}
	}
	check := func(o *unstructured.Unstructured, want string) {
		t.Helper()
		got := ""
		if err := s.AdmitConsumer(t.Context(), o); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	check(kcp("kcp", "cp"), "")
	check(kcp("kcp", "no"), `spec.machineTemplate.infrastructureRef.name: Invalid value: "no": referenced VSphereMachineTemplate does not exist`)
	s.admit(s.machine("a", "kcp"))
	check(kcp("kcp", "cp"), "")
	check(kcp("other", "cp"), "spec.machineTemplate.infrastructureRef: Forbidden: machine config pool cpaas-system/cp is bound to KubeadmControlPlane cpaas-system/kcp")
	md := &clusterv1.MachineDeployment{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "md"}}
	md.Spec.Template.Spec.InfrastructureRef = clusterv1.ContractVersionedObjectReference{APIGroup: "infrastructure.cluster.x-k8s.io", Kind: "VSphereMachineTemplate", Name: "cp"}
	if err := s.client.Create(t.Context(), md); err != nil {
		t.Fatal(err)
	}
	check(kcp("kcp", "cp"), "spec.machineTemplate.infrastructureRef: Forbidden: machine config pool cpaas-system/cp is already referenced by MachineDeployment cpaas-system/md")
	if err := s.client.Delete(t.Context(), s.pool()); err != nil {
		t.Fatal(err)
	}
	o := s.pool()
	o.SetFinalizers(nil)
	if err := s.client.Update(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	check(kcp("kcp", "cp"), `spec.machineTemplate.infrastructureRef.name: Invalid value: "cp": referenced resource pool does not exist`)
}
