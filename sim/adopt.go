package sim

import (
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"net"
	"strings"

	"github.com/blang/semver/v4"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "sigs.k8s.io/cluster-api-provider-vsphere/api/govmomi/v1beta2"
	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	controlplanev1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/controllers/external"
	"sigs.k8s.io/cluster-api/util/kubeconfig"
	"sigs.k8s.io/cluster-api/util/secret"

	"github.com/rehearse-dev/rehearse/fakes/configpool"
)

// This file writes what the controllers would have left behind had they provisioned a cluster: the objects between
// Cluster, KubeadmControlPlane and MachineDeployments and the VMs. The controllers then adopt them; a field that is
// not as they would have written it shows as a rollout, which a test forbids.

// Field managers of upstream's server-side applies
// (sigs.k8s.io/cluster-api@v1.13.4, kcpManagerName, machineDeploymentManagerName, machineSetManagerName).
const (
	kcpManager = "capi-kubeadmcontrolplane"
	mdManager  = "capi-machinedeployment"
	msManager  = "capi-machineset"
)

// adopted is one machine of an adopted cluster.
type adopted struct {
	machine *clusterv1.Machine
	infra   *unstructured.Unstructured // VSphereMachine
	vm      infrav1.VirtualMachineCloneSpec
	role    string // control-plane, or the MachineDeployment
	host    string // the name of its node
	ip      string
	uuid    string
	first   bool // the control-plane machine that ran kubeadm init

	registration bootstrapv1.NodeRegistrationOptions
	kubernetes   string // of the VM template's image
}

func (a *adopted) controlPlane() bool { return a.role == controlPlaneRole }

const controlPlaneRole = "control-plane"

// adopter writes the objects of one cluster.
type adopter struct {
	c    client.Client
	seed uint64
	ip   func(name string) string // the site's DHCP

	pools bool // the cluster has machine config pools

	caHash      string // of the cluster's CA, as kubeadm pins it
	cluster     *clusterv1.Cluster
	kcp         *controlplanev1.KubeadmControlPlane
	deployments []*clusterv1.MachineDeployment
}

// certificates writes the cluster's CA Secrets and its kubeconfig, as KubeadmControlPlane does for a new cluster.
func (a *adopter) certificates(ctx context.Context, certs secret.Certificates) error {
	owner := *metav1.NewControllerRef(a.kcp, controlplanev1.GroupVersion.WithKind("KubeadmControlPlane"))
	if err := certs.SaveGenerated(ctx, a.c, client.ObjectKeyFromObject(a.cluster), owner); err != nil {
		return fmt.Errorf("certificates of %s: %w", a.cluster.Name, err)
	}
	ep := a.cluster.Spec.ControlPlaneEndpoint
	algorithm := kubeconfig.KeyEncryptionAlgorithm(bootstrapv1.EncryptionAlgorithmECDSAP256) // as newCertificates
	if err := kubeconfig.CreateSecretWithOwner(ctx, a.c, client.ObjectKeyFromObject(a.cluster), fmt.Sprintf("%s:%d", ep.Host, ep.Port), owner, algorithm); err != nil {
		return fmt.Errorf("kubeconfig of %s: %w", a.cluster.Name, err)
	}
	return nil
}

// machines writes all Machines with what belongs to them, and returns them, the control plane first.
func (a *adopter) machines(ctx context.Context) ([]*adopted, error) {
	var l []*adopted
	for i := range int(*a.kcp.Spec.Replicas) {
		m, err := a.controlPlaneMachine(i)
		if err != nil {
			return nil, err
		}
		l = append(l, m)
	}
	g, gctx := errgroup.WithContext(ctx)
	if a.pools {
		g.SetLimit(1) // slots are given in the order of the machines
	}
	for _, m := range l {
		g.Go(func() error { return a.writeControlPlane(gctx, m) })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for _, md := range a.deployments {
		ms, err := a.machineSet(ctx, md)
		if err != nil {
			return nil, err
		}
		w, err := a.workers(ctx, md, ms)
		if err != nil {
			return nil, err
		}
		l = append(l, w...)
	}
	return l, a.markInitialized(ctx)
}

func (a *adopter) controlPlaneMachine(i int) (*adopted, error) {
	name := machineName(a.seed, a.kcp.Name, i)
	spec := a.kcp.Spec.MachineTemplate
	m := &clusterv1.Machine{
		TypeMeta: metav1.TypeMeta{APIVersion: clusterv1.GroupVersion.String(), Kind: "Machine"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: a.kcp.Namespace, Labels: a.controlPlaneLabels(), Annotations: map[string]string{},
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(a.kcp, controlplanev1.GroupVersion.WithKind("KubeadmControlPlane"))}},
		Spec: clusterv1.MachineSpec{ClusterName: a.cluster.Name, Version: a.kcp.Spec.Version, Deletion: clusterv1.MachineDeletionSpec{
			NodeDrainTimeoutSeconds: spec.Spec.Deletion.NodeDrainTimeoutSeconds, NodeDeletionTimeoutSeconds: spec.Spec.Deletion.NodeDeletionTimeoutSeconds,
			NodeVolumeDetachTimeoutSeconds: spec.Spec.Deletion.NodeVolumeDetachTimeoutSeconds}, Taints: spec.Spec.Taints},
	}
	maps.Copy(m.Annotations, spec.ObjectMeta.Annotations)
	m.Annotations[controlplanev1.PreTerminateHookCleanupAnnotation] = ""
	for _, c := range []string{controlplanev1.KubeadmControlPlaneMachineNodeKubeadmLabelsAndTaintsSetCondition, controlplanev1.KubeadmControlPlaneMachineAPIServerPodHealthyCondition,
		controlplanev1.KubeadmControlPlaneMachineControllerManagerPodHealthyCondition, controlplanev1.KubeadmControlPlaneMachineSchedulerPodHealthyCondition,
		controlplanev1.KubeadmControlPlaneMachineEtcdPodHealthyCondition, controlplanev1.KubeadmControlPlaneMachineEtcdMemberHealthyCondition} {
		m.Spec.ReadinessGates = append(m.Spec.ReadinessGates, clusterv1.MachineReadinessGate{ConditionType: c})
	}
	return a.place(&adopted{machine: m, role: controlPlaneRole, first: i == 0}), nil
}

func (a *adopter) controlPlaneLabels() map[string]string {
	l := maps.Clone(a.kcp.Spec.MachineTemplate.ObjectMeta.Labels)
	if l == nil {
		l = map[string]string{}
	}
	l[clusterv1.ClusterNameLabel] = a.cluster.Name
	l[clusterv1.MachineControlPlaneLabel] = ""
	l[clusterv1.MachineControlPlaneNameLabel] = a.kcp.Name
	return l
}

// place gives a machine its references, its address and its identity in vCenter.
func (a *adopter) place(m *adopted) *adopted {
	name := m.machine.Name
	m.host, m.ip, m.uuid = name, a.ip(name), biosUUID(a.seed, name)
	m.machine.Spec.ProviderID = "vsphere://" + m.uuid
	m.machine.Spec.InfrastructureRef = clusterv1.ContractVersionedObjectReference{APIGroup: infrav1.GroupVersion.Group, Kind: "VSphereMachine", Name: name}
	m.machine.Spec.Bootstrap = clusterv1.Bootstrap{DataSecretName: &name,
		ConfigRef: clusterv1.ContractVersionedObjectReference{APIGroup: bootstrapv1.GroupVersion.Group, Kind: "KubeadmConfig", Name: name}}
	return m
}

// writeControlPlane writes a control-plane Machine, its KubeadmConfig and what its VM needs.
func (a *adopter) writeControlPlane(ctx context.Context, m *adopted) error {
	if err := a.apply(ctx, m.machine, kcpManager); err != nil {
		return err
	}
	spec := a.kcp.Spec.KubeadmConfigSpec.DeepCopy()
	if m.first {
		spec.JoinConfiguration = bootstrapv1.JoinConfiguration{}
	} else {
		spec.InitConfiguration = bootstrapv1.InitConfiguration{}
		if spec.JoinConfiguration.ControlPlane == nil {
			spec.JoinConfiguration.ControlPlane = &bootstrapv1.JoinControlPlane{}
		}
	}
	if err := localKubeletMode(spec, a.kcp.Spec.Version); err != nil {
		return err
	}
	if m.first {
		spec.ClusterConfiguration.ControlPlaneEndpoint = a.endpoint()
	} else {
		spec.JoinConfiguration.Discovery = a.discovery(m.machine.Name)
	}
	conf := &bootstrapv1.KubeadmConfig{
		TypeMeta: metav1.TypeMeta{APIVersion: bootstrapv1.GroupVersion.String(), Kind: "KubeadmConfig"},
		ObjectMeta: metav1.ObjectMeta{Name: m.machine.Name, Namespace: m.machine.Namespace, Labels: m.machine.Labels,
			Annotations: a.kcp.Spec.MachineTemplate.ObjectMeta.Annotations, OwnerReferences: []metav1.OwnerReference{machineOwner(m.machine)}},
		Spec: *spec,
	}
	m.registration = spec.JoinConfiguration.NodeRegistration
	if m.first {
		m.registration = spec.InitConfiguration.NodeRegistration
	}
	if err := a.apply(ctx, conf, kcpManager); err != nil {
		return err
	}
	ref := a.kcp.Spec.MachineTemplate.Spec.InfrastructureRef
	return a.writeVM(ctx, m, ref, a.controlPlaneLabels(), a.kcp.Spec.MachineTemplate.ObjectMeta.Annotations, kcpManager)
}

func (a *adopter) endpoint() string {
	return net.JoinHostPort(a.cluster.Spec.ControlPlaneEndpoint.Host, fmt.Sprint(a.cluster.Spec.ControlPlaneEndpoint.Port))
}

// discovery is how a machine found the cluster when it joined. Its token has long expired.
func (a *adopter) discovery(machine string) bootstrapv1.Discovery {
	token := suffix(a.seed, machine, 1) + "x." + suffix(a.seed, machine, 2) + suffix(a.seed, machine, 3) + suffix(a.seed, machine, 4) + "x"
	return bootstrapv1.Discovery{BootstrapToken: bootstrapv1.BootstrapTokenDiscovery{Token: token, APIServerEndpoint: a.endpoint(), CACertHashes: []string{a.caHash}}}
}

// localKubeletMode is the one default that KubeadmControlPlane writes into its KubeadmConfigs by version
// (sigs.k8s.io/cluster-api@v1.13.4 controlplane/kubeadm/internal/desiredstate, DefaultFeatureGates).
func localKubeletMode(spec *bootstrapv1.KubeadmConfigSpec, version string) error {
	const gate = "ControlPlaneKubeletLocalMode"
	v, err := semver.ParseTolerant(version)
	if err != nil {
		return fmt.Errorf("version %q: %w", version, err)
	}
	if v.Major != 1 || v.Minor < 31 || v.Minor >= 36 {
		return nil
	}
	gates := &spec.ClusterConfiguration.FeatureGates
	if *gates == nil {
		*gates = map[string]bool{}
	}
	if _, ok := (*gates)[gate]; !ok {
		(*gates)[gate] = true
	}
	return nil
}

// machineSet writes the current MachineSet of a MachineDeployment.
func (a *adopter) machineSet(ctx context.Context, md *clusterv1.MachineDeployment) (*clusterv1.MachineSet, error) {
	labels := maps.Clone(md.Spec.Template.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	labels[clusterv1.MachineDeploymentUniqueLabel] = fmt.Sprintf("%d-%s", hash32(a.seed, md.Name), suffix(a.seed, md.Name, 0))
	selector := md.Spec.Selector.DeepCopy()
	if selector.MatchLabels == nil {
		selector.MatchLabels = map[string]string{}
	}
	selector.MatchLabels[clusterv1.MachineDeploymentUniqueLabel] = labels[clusterv1.MachineDeploymentUniqueLabel]
	ms := &clusterv1.MachineSet{
		TypeMeta: metav1.TypeMeta{APIVersion: clusterv1.GroupVersion.String(), Kind: "MachineSet"},
		ObjectMeta: metav1.ObjectMeta{Name: machineSetName(a.seed, md.Name), Namespace: md.Namespace, Labels: maps.Clone(labels),
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(md, clusterv1.GroupVersion.WithKind("MachineDeployment"))},
			Annotations: map[string]string{clusterv1.RevisionAnnotation: "1", clusterv1.DisableMachineCreateAnnotation: "false",
				clusterv1.DesiredReplicasAnnotation: fmt.Sprint(*md.Spec.Replicas), clusterv1.MaxReplicasAnnotation: fmt.Sprint(*md.Spec.Replicas + 1)}},
		Spec: clusterv1.MachineSetSpec{ClusterName: md.Spec.ClusterName, Replicas: md.Spec.Replicas, Selector: *selector,
			Template: clusterv1.MachineTemplateSpec{ObjectMeta: clusterv1.ObjectMeta{Labels: maps.Clone(labels), Annotations: md.Spec.Template.Annotations}, Spec: *md.Spec.Template.Spec.DeepCopy()}},
	}
	ms.Labels[clusterv1.MachineDeploymentNameLabel] = md.Name
	return ms, a.apply(ctx, ms, mdManager)
}

// workers writes the Machines of a MachineSet.
func (a *adopter) workers(ctx context.Context, md *clusterv1.MachineDeployment, ms *clusterv1.MachineSet) ([]*adopted, error) {
	var l []*adopted
	g, gctx := errgroup.WithContext(ctx)
	if a.pools {
		g.SetLimit(1)
	}
	for i := range int(*ms.Spec.Replicas) {
		m := &clusterv1.Machine{
			TypeMeta: metav1.TypeMeta{APIVersion: clusterv1.GroupVersion.String(), Kind: "Machine"},
			ObjectMeta: metav1.ObjectMeta{Name: machineName(a.seed, ms.Name, i), Namespace: ms.Namespace, Labels: maps.Clone(ms.Spec.Template.Labels),
				Annotations: maps.Clone(ms.Spec.Template.Annotations), Finalizers: []string{clusterv1.MachineFinalizer},
				OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(ms, clusterv1.GroupVersion.WithKind("MachineSet"))}},
			Spec: *ms.Spec.Template.Spec.DeepCopy(),
		}
		m.Labels[clusterv1.MachineSetNameLabel] = ms.Name
		m.Labels[clusterv1.MachineDeploymentNameLabel] = md.Name
		m.Labels[clusterv1.ClusterNameLabel] = a.cluster.Name
		w := a.place(&adopted{machine: m, role: md.Name})
		l = append(l, w)
		g.Go(func() error { return a.writeWorker(gctx, w, ms) })
	}
	return l, g.Wait()
}

func (a *adopter) writeWorker(ctx context.Context, m *adopted, ms *clusterv1.MachineSet) error {
	if err := a.apply(ctx, m.machine, msManager); err != nil {
		return err
	}
	ref := ms.Spec.Template.Spec.Bootstrap.ConfigRef
	conf, err := a.fromTemplate(ctx, bootstrapv1.GroupVersion.WithKind("KubeadmConfigTemplate"), ref.Name, m, m.machine.Labels, m.machine.Annotations)
	if err != nil {
		return err
	}
	typed := &bootstrapv1.KubeadmConfig{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(conf.Object, typed); err != nil {
		return fmt.Errorf("KubeadmConfig %s: %w", m.machine.Name, err)
	}
	typed.Spec.JoinConfiguration.Discovery = a.discovery(m.machine.Name)
	if err := a.apply(ctx, typed, msManager); err != nil {
		return err
	}
	m.registration = typed.Spec.JoinConfiguration.NodeRegistration
	return a.writeVM(ctx, m, ms.Spec.Template.Spec.InfrastructureRef, m.machine.Labels, m.machine.Annotations, msManager)
}

// writeVM writes the bootstrap data, the VSphereMachine and the VSphereVM of a machine.
func (a *adopter) writeVM(ctx context.Context, m *adopted, template clusterv1.ContractVersionedObjectReference, labels, annotations map[string]string, manager string) error {
	name, ns := m.machine.Name, m.machine.Namespace
	data := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: ns, Labels: map[string]string{clusterv1.ClusterNameLabel: a.cluster.Name}},
		Type: clusterv1.ClusterSecretType, Data: map[string][]byte{"format": []byte("cloud-config"), "value": []byte("## template: jinja\n#cloud-config\n")}}
	if err := a.c.Create(ctx, data); err != nil {
		return fmt.Errorf("bootstrap data of %s: %w", name, err)
	}
	var err error
	m.infra, err = a.fromTemplate(ctx, infrav1.GroupVersion.WithKind(template.Kind), template.Name, m, labels, annotations)
	if err != nil {
		return err
	}
	if err := unstructured.SetNestedField(m.infra.Object, m.machine.Spec.ProviderID, "spec", "providerID"); err != nil {
		return err
	}
	if err := a.applyObject(ctx, m.infra, manager); err != nil {
		return err
	}
	vsphere := &infrav1.VSphereMachine{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(m.infra.Object, vsphere); err != nil {
		return fmt.Errorf("VSphereMachine %s: %w", name, err)
	}
	vm := &infrav1.VSphereVM{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: ns, Labels: map[string]string{clusterv1.ClusterNameLabel: a.cluster.Name},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: infrav1.GroupVersion.String(), Kind: "VSphereMachine", Name: name, UID: m.infra.GetUID()}}},
		Spec: infrav1.VSphereVMSpec{VirtualMachineCloneSpec: *vsphere.Spec.VirtualMachineCloneSpec.DeepCopy(), BootstrapRef: infrav1.VSphereVMBootstrapReference{Name: name}, BiosUUID: m.uuid,
			PowerOffMode: vsphere.Spec.PowerOffMode, GuestSoftPowerOffTimeoutSeconds: vsphere.Spec.GuestSoftPowerOffTimeoutSeconds},
	}
	if m.controlPlane() {
		vm.Labels[clusterv1.MachineControlPlaneLabel] = ""
	}
	if err := a.c.Create(ctx, vm); err != nil {
		return fmt.Errorf("VSphereVM %s: %w", name, err)
	}
	a.identify(m, vm)
	vm.Status.CloneMode = vm.Spec.CloneMode // only ever written by the clone itself
	if err := a.c.Status().Update(ctx, vm); err != nil {
		return fmt.Errorf("VSphereVM %s: %w", name, err)
	}
	return nil
}

// identify reads who a machine is in its network: its VSphereVM has what its slot says, if it has one.
func (a *adopter) identify(m *adopted, vm *infrav1.VSphereVM) {
	m.vm = vm.Spec.VirtualMachineCloneSpec
	if slot := vm.Annotations[configpool.SlotAnnotation]; slot != "" {
		m.host = slot
	}
	for _, d := range m.vm.Network.Devices {
		if len(d.IPAddrs) > 0 {
			m.ip, _, _ = strings.Cut(d.IPAddrs[0], "/")
			return
		}
	}
}

// fromTemplate clones a template as the owners do, with the Machine as owner.
func (a *adopter) fromTemplate(ctx context.Context, gvk schema.GroupVersionKind, name string, m *adopted, labels, annotations map[string]string) (*unstructured.Unstructured, error) {
	t := &unstructured.Unstructured{}
	t.SetGroupVersionKind(gvk)
	if err := a.c.Get(ctx, client.ObjectKey{Namespace: m.machine.Namespace, Name: name}, t); err != nil {
		return nil, fmt.Errorf("%s %s: %w", gvk.Kind, name, err)
	}
	owner := machineOwner(m.machine)
	return external.GenerateTemplate(&external.GenerateTemplateInput{Template: t, TemplateRef: &corev1.ObjectReference{APIVersion: gvk.GroupVersion().String(), Kind: gvk.Kind, Namespace: m.machine.Namespace, Name: name},
		Namespace: m.machine.Namespace, Name: m.machine.Name, ClusterName: a.cluster.Name, OwnerRef: &owner, Labels: labels, Annotations: annotations})
}

// markInitialized sets what the controllers only ever set once, so that none of them believes in a new cluster.
func (a *adopter) markInitialized(ctx context.Context) error {
	yes := true
	kcp := a.kcp.DeepCopy()
	kcp.Status.Initialization.ControlPlaneInitialized = &yes
	if err := a.c.Status().Patch(ctx, kcp, client.MergeFrom(a.kcp)); err != nil {
		return fmt.Errorf("KubeadmControlPlane %s: %w", a.kcp.Name, err)
	}
	cl := a.cluster.DeepCopy()
	cl.Status.Initialization.ControlPlaneInitialized, cl.Status.Initialization.InfrastructureProvisioned = &yes, &yes
	if err := a.c.Status().Patch(ctx, cl, client.MergeFrom(a.cluster)); err != nil {
		return fmt.Errorf("cluster %s: %w", a.cluster.Name, err)
	}
	return nil
}

func (a *adopter) apply(ctx context.Context, o client.Object, manager string) error {
	u := &unstructured.Unstructured{}
	var err error
	if u.Object, err = runtime.DefaultUnstructuredConverter.ToUnstructured(o); err != nil {
		return err
	}
	unstructured.RemoveNestedField(u.Object, "status")
	unstructured.RemoveNestedField(u.Object, "metadata", "creationTimestamp")
	if err := a.applyObject(ctx, u, manager); err != nil {
		return err
	}
	o.SetUID(u.GetUID())
	o.SetResourceVersion(u.GetResourceVersion())
	return nil
}

func (a *adopter) applyObject(ctx context.Context, u *unstructured.Unstructured, manager string) error {
	if err := a.c.Apply(ctx, client.ApplyConfigurationFromUnstructured(u), client.FieldOwner(manager), client.ForceOwnership); err != nil {
		return fmt.Errorf("%s %s: %w", u.GetKind(), u.GetName(), err)
	}
	return nil
}

func machineOwner(m *clusterv1.Machine) metav1.OwnerReference {
	return *metav1.NewControllerRef(m, clusterv1.GroupVersion.WithKind("Machine"))
}

func hash32(seed uint64, parts ...any) uint32 {
	h := fnv.New32a()
	fmt.Fprint(h, seed)
	fmt.Fprintln(h, parts...)
	return h.Sum32()
}

// machineName is that of the ith machine of a KubeadmControlPlane or a MachineSet that is found running.
func machineName(seed uint64, owner string, i int) string {
	return owner + "-" + suffix(seed, owner, i)
}

// machineSetName is that of the MachineSet of a MachineDeployment that is found running.
func machineSetName(seed uint64, md string) string { return md + "-" + suffix(seed, md, 0) }

// suffix is five characters of Kubernetes' alphabet for generated names, drawn from the seed.
func suffix(seed uint64, name string, i int) string {
	const alphabet = "bcdfghjklmnpqrstvwxz2456789"
	h := fnv.New64a()
	fmt.Fprintf(h, "%d/%s/%d", seed, name, i)
	n := h.Sum64()
	var b strings.Builder
	for range 5 {
		b.WriteByte(alphabet[n%uint64(len(alphabet))])
		n /= uint64(len(alphabet))
	}
	return b.String()
}

// biosUUID is the identity of a VM that was there before the run.
func biosUUID(seed uint64, name string) string {
	h := fnv.New128a()
	fmt.Fprintf(h, "%d/%s", seed, name)
	b := h.Sum(nil)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
