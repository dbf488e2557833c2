package kubeovn_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/ptr"
	infrav1 "sigs.k8s.io/cluster-api-provider-vsphere/api/govmomi/v1beta2"
	controlplanev1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/rehearse-dev/rehearse/fakes/kubeovn"
)

var key = types.NamespacedName{Namespace: "cpaas-system", Name: "prod-a"}

// desk is a Provider with a management and a workload cluster of three control-plane Nodes, both in memory.
type desk struct {
	*kubeovn.Provider
	t                    *testing.T
	management, workload client.Client
	unreachable          error
}

func newDesk(t *testing.T, change ...func(*clusterv1.Cluster)) *desk {
	t.Helper()
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		clusterv1.AddToScheme, controlplanev1.AddToScheme, infrav1.AddToScheme, scheme.AddToScheme,
	} {
		if err := add(s); err != nil {
			t.Fatal(err)
		}
	}
	c := cluster("v4.2.15")
	c.Status.Initialization.ControlPlaneInitialized = ptr.To(true)
	for _, f := range change {
		f(c)
	}
	kcp := &controlplanev1.KubeadmControlPlane{ObjectMeta: metav1.ObjectMeta{Name: "prod-a-kcp", Namespace: c.Namespace}}
	kcp.Spec.Replicas = ptr.To(int32(3))
	infra := &infrav1.VSphereCluster{ObjectMeta: metav1.ObjectMeta{Name: "prod-a", Namespace: c.Namespace}}
	nodes := []client.Object{}
	for i := range 3 {
		nodes = append(nodes, &corev1.Node{ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprint("cp-", i), Labels: map[string]string{"node-role.kubernetes.io/control-plane": ""},
		}})
	}
	d := &desk{
		t:          t,
		management: fake.NewClientBuilder().WithScheme(s).WithObjects(c, kcp, infra).WithStatusSubresource(c, infra).Build(),
		workload: fake.NewClientBuilder().WithScheme(scheme.Scheme).WithObjects(nodes...).
			WithStatusSubresource(release(t, nil)).Build(),
	}
	d.Provider = kubeovn.NewProvider(d.management, func(context.Context, types.NamespacedName) (client.Client, error) {
		return d.workload, d.unreachable
	})
	return d
}

// reconcile looks at the cluster once and checks when the provider wants to look again.
func (d *desk) reconcile(want time.Duration) {
	d.t.Helper()
	got, err := d.Reconcile(d.t.Context(), key)
	if err != nil {
		d.t.Fatal(err)
	}
	if got != want {
		d.t.Errorf("again after %s, want %s", got, want)
	}
}

// says checks the condition in both lists; "" is none.
func (d *desk) says(want string) {
	d.t.Helper()
	infra := &infrav1.VSphereCluster{}
	if err := d.management.Get(d.t.Context(), key, infra); err != nil {
		d.t.Fatal(err)
	}
	found, old := "", ""
	for _, c := range infra.Status.Conditions {
		if c.Type == kubeovn.ReadyCondition {
			found = strings.TrimSpace(fmt.Sprintf("%s %s %s", c.Status, c.Reason, c.Message))
		}
	}
	for _, c := range infra.GetV1Beta1Conditions() {
		if string(c.Type) == kubeovn.ReadyCondition {
			old = strings.TrimSpace(fmt.Sprintf("%s %s %s", c.Status, c.Reason, c.Message))
		}
	}
	if found != want {
		d.t.Errorf("condition: got %q, want %q", found, want)
	}
	if want = strings.TrimSuffix(want, " AppReleaseReady"); old != want { // v1beta1: no reason when True
		d.t.Errorf("v1beta1 condition: got %q, want %q", old, want)
	}
}

// release is the AppRelease in the workload cluster, nil for none.
func (d *desk) release() *unstructured.Unstructured {
	d.t.Helper()
	o := release(d.t, nil)
	if err := d.workload.Get(d.t.Context(), client.ObjectKeyFromObject(o), o); err != nil {
		if client.IgnoreNotFound(err) == nil {
			return nil
		}
		d.t.Fatal(err)
	}
	return o
}

func (d *desk) annotate(k, v string) {
	d.t.Helper()
	c := &clusterv1.Cluster{}
	if err := d.management.Get(d.t.Context(), key, c); err != nil {
		d.t.Fatal(err)
	}
	c.Annotations[k] = v
	if err := d.management.Update(d.t.Context(), c); err != nil {
		d.t.Fatal(err)
	}
}

const (
	created  = "False AppReleaseReconciling created kube-ovn AppRelease, waiting for it to sync and become healthy"
	updated  = "False AppReleaseReconciling updated kube-ovn AppRelease, waiting for it to sync and become healthy"
	deferred = "False AppReleaseReconciling waiting for all control plane Nodes before reconciling kube-ovn AppRelease"
)

func TestWithoutTheGateNothingHappens(t *testing.T) {
	for _, gate := range []string{"", "calico", "Kube-OVN"} {
		d := newDesk(t, func(c *clusterv1.Cluster) { c.Annotations[kubeovn.NetworkTypeAnnotation] = gate })
		d.reconcile(0)
		d.says("")
		if o := d.release(); o != nil {
			t.Errorf("gate %q: got AppRelease %v, want none", gate, o)
		}
		d.annotate(kubeovn.NetworkTypeAnnotation, "kube-ovn") // the gate opens by itself
		d.reconcile(10 * time.Second)
		d.says(created)
		d.annotate(kubeovn.NetworkTypeAnnotation, gate) // and takes the condition with it when it closes
		d.reconcile(0)
		d.says("")
	}
}

func TestConfigurationErrors(t *testing.T) {
	const invalid = "False InvalidKubeOvnConfiguration "
	for _, tt := range []struct {
		name   string
		change func(*clusterv1.Cluster)
		want   string
	}{
		{"no registry", func(c *clusterv1.Cluster) { delete(c.Annotations, kubeovn.RegistryAnnotation) },
			"cpaas.io/registry-address annotation is required to deploy kube-ovn"},
		{"no pod network", func(c *clusterv1.Cluster) { c.Spec.ClusterNetwork.Pods.CIDRBlocks = nil },
			"cluster network pod/service CIDR must be set before deploying kube-ovn"},
		{"no version", func(c *clusterv1.Cluster) { delete(c.Annotations, kubeovn.VersionAnnotation) },
			"failed to get kube-ovn ModulePlugin"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk(t, tt.change)
			d.reconcile(10 * time.Second)
			d.says(invalid + tt.want)
			if d.release() != nil {
				t.Error("an AppRelease was made all the same")
			}
		})
	}
}

func TestItWaitsForTheControlPlane(t *testing.T) {
	now := metav1.Now()
	machine := &clusterv1.Machine{ObjectMeta: metav1.ObjectMeta{
		Name: "prod-a-cp-1", Namespace: key.Namespace, DeletionTimestamp: &now, Finalizers: []string{"f"},
		Labels: map[string]string{clusterv1.ClusterNameLabel: "prod-a", clusterv1.MachineControlPlaneLabel: ""},
	}}
	for _, tt := range []struct {
		name  string
		setup func(*desk)
	}{
		{"while a Node is missing", func(d *desk) {
			if err := d.workload.Delete(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "cp-1"}}); err != nil {
				t.Fatal(err)
			}
		}},
		{"while a Machine is being deleted", func(d *desk) {
			m := machine.DeepCopy()
			m.DeletionTimestamp = nil
			if err := d.management.Create(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			if err := d.management.Delete(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}},
		{"until the control plane is initialised", func(d *desk) {
			c := &clusterv1.Cluster{}
			if err := d.management.Get(t.Context(), key, c); err != nil {
				t.Fatal(err)
			}
			c.Status.Initialization.ControlPlaneInitialized = nil
			if err := d.management.Status().Update(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			d.unreachable = errors.New("no such cluster")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk(t)
			tt.setup(d)
			d.reconcile(10 * time.Second)
			d.says(deferred)
			if d.release() != nil {
				t.Error("an AppRelease was made all the same")
			}
		})
	}
}

func TestDelivery(t *testing.T) {
	d := newDesk(t)
	d.reconcile(10 * time.Second)
	d.says(created)
	o := d.release()
	want := map[string]any{
		"destination": map[string]any{"cluster": "", "namespace": ""},
		"source": map[string]any{
			"repoURL": "registry.example.com:11443",
			"charts": []any{map[string]any{
				"name": "acp/chart-cpaas-kube-ovn", "releaseName": "cpaas-kube-ovn", "targetRevision": "v4.2.15",
			}},
		},
		"timeout": int64(120),
	}
	got := o.Object["spec"].(map[string]any)
	delete(got, "values")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("spec (-want +got):\n%s", diff)
	}
	annotations := map[string]string{"auto-recycle": "true", "interval-sync": "true"}
	if diff := cmp.Diff(annotations, o.GetAnnotations()); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
	d.reconcile(10 * time.Second)
	d.says("False AppReleaseReconciling waiting for kube-ovn AppRelease Sync condition")

	d.annotate(kubeovn.VersionAnnotation, "v4.4.1")
	d.reconcile(10 * time.Second)
	d.says(updated)
	charts, _, err := unstructured.NestedSlice(d.release().Object, "spec", "source", "charts")
	if err != nil {
		t.Fatal(err)
	}
	if c := charts[0].(map[string]any); c["name"] != "acp/chart-kube-ovn" || c["targetRevision"] != "v4.4.1" {
		t.Errorf("charts: got %v, want acp/chart-kube-ovn v4.4.1", charts)
	}
}

func TestManualEditsDoNotStick(t *testing.T) {
	d := newDesk(t)
	d.reconcile(10 * time.Second)
	o := d.release()
	if err := unstructured.SetNestedField(o.Object, "mirror.example.com", "spec", "source", "repoURL"); err != nil {
		t.Fatal(err)
	}
	if err := d.workload.Update(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	d.reconcile(10 * time.Second)
	d.says(updated)
	got, _, _ := unstructured.NestedString(d.release().Object, "spec", "source", "repoURL")
	if want := "registry.example.com:11443"; got != want {
		t.Errorf("repoURL: got %q, want %q", got, want)
	}
}

func TestTheConditionFollowsTheRelease(t *testing.T) {
	d := newDesk(t)
	d.reconcile(10 * time.Second)
	for _, tt := range []struct {
		sync, health metav1.Condition
		observed     int64
		want         string
		again        time.Duration
	}{
		{metav1.Condition{Status: "Unknown", Reason: "Syncing", Message: "upgrading"}, metav1.Condition{Status: "Unknown"}, 0,
			"False AppReleaseReconciling waiting for kube-ovn AppRelease to observe generation 1", 10 * time.Second},
		{metav1.Condition{Status: "Unknown", Reason: "Syncing", Message: "upgrading"}, metav1.Condition{Status: "Unknown"}, 1,
			"False AppReleaseReconciling kube-ovn AppRelease Sync condition is Syncing: upgrading", 10 * time.Second},
		{metav1.Condition{Status: "False", Reason: "DownloadFailed", Message: "404"}, metav1.Condition{Status: "Unknown"}, 1,
			"False AppReleaseNotReady kube-ovn AppRelease Sync condition is DownloadFailed: 404", 10 * time.Second},
		{metav1.Condition{Status: "True", Reason: "Synced"},
			metav1.Condition{Status: "False", Reason: "NotReady", Message: "2 of 3"}, 1,
			"False AppReleaseNotReady kube-ovn AppRelease Health condition is NotReady: 2 of 3", 10 * time.Second},
		{metav1.Condition{Status: "True", Reason: "Synced"}, metav1.Condition{Status: "True", Reason: "Healthy"}, 1,
			"True AppReleaseReady", 10 * time.Minute},
	} {
		tt.sync.Type, tt.health.Type = "Sync", "Health"
		status, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&struct {
			ObservedGeneration int64              `json:"observedGeneration"`
			Conditions         []metav1.Condition `json:"conditions"`
		}{tt.observed, []metav1.Condition{tt.sync, tt.health}})
		if err != nil {
			t.Fatal(err)
		}
		o := d.release()
		o.SetGeneration(1) // the client in memory does not count
		if err := d.workload.Update(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		o.Object["status"] = status
		if err := d.workload.Status().Update(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		d.reconcile(tt.again)
		d.says(tt.want)
	}
}

func TestWhatIsNotOursIsLeftAlone(t *testing.T) {
	for name, change := range map[string]func(*clusterv1.Cluster){
		"paused":             func(c *clusterv1.Cluster) { c.Spec.Paused = ptr.To(true) },
		"another provider's": func(c *clusterv1.Cluster) { c.Spec.InfrastructureRef.Kind = "DCSCluster" },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, change)
			d.reconcile(0)
			d.says("")
			if d.release() != nil {
				t.Error("an AppRelease was made all the same")
			}
		})
	}
	d := newDesk(t)
	gone := types.NamespacedName{Namespace: "x", Name: "gone"}
	if after, err := d.Reconcile(t.Context(), gone); after != 0 || err != nil {
		t.Errorf("a cluster that is gone: got %s %v, want nothing", after, err)
	}
	d.unreachable = errors.New("dial: connection refused")
	if _, err := d.Reconcile(t.Context(), key); !errors.Is(err, d.unreachable) {
		t.Errorf("got %v, want the error of the workload cluster", err)
	}
}

func TestChart(t *testing.T) {
	for revision, want := range map[string]string{
		"v4.2.15": "acp/chart-cpaas-kube-ovn", "v4.3.99": "acp/chart-cpaas-kube-ovn", "v4.4.0": "acp/chart-kube-ovn",
		"v4.4.0-beta.1": "acp/chart-kube-ovn", "v4.10.0": "acp/chart-kube-ovn", "v5.0.0": "acp/chart-kube-ovn",
	} {
		if got, err := kubeovn.Chart(revision); err != nil || got != want {
			t.Errorf("%s: got %q %v, want %q", revision, got, err, want)
		}
	}
	if _, err := kubeovn.Chart("latest"); err == nil {
		t.Error("latest: got no error")
	}
}

// A release that Seed made is what the provider wants.
func TestSeededReleaseIsLeftAlone(t *testing.T) {
	d := newDesk(t)
	if err := kubeovn.Seed(t.Context(), d.workload, cluster("v4.2.15"), time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	d.reconcile(10 * time.Minute)
	d.says("True AppReleaseReady")
	ungated := cluster("v4.2.15")
	delete(ungated.Annotations, kubeovn.NetworkTypeAnnotation)
	other := newDesk(t)
	if err := kubeovn.Seed(t.Context(), other.workload, ungated, time.Unix(0, 0)); err != nil || other.release() != nil {
		t.Errorf("ungated: got %v %v, want nothing", err, other.release())
	}
}
