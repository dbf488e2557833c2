package sim_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rehearse-dev/rehearse/sim"
	"github.com/rehearse-dev/rehearse/sim/clock"
	"github.com/rehearse-dev/rehearse/sim/fault"
)

// TestFaultsShowTheirSymptomAndHeal strikes one twin with one fault after the other; each heals before the next comes.
func TestFaultsShowTheirSymptomAndHeal(t *testing.T) {
	w := world(t, 3, 1)
	w.Artifacts = append(w.Artifacts, "acp/chart-kube-ovn:v4.4.1")
	s := &struckSite{twin: start(t, w, sim.Options{Pace: clock.Free})}
	s.m, s.w = management(t, s.twin), workload(t, s.twin)
	for _, c := range []struct {
		name string
		test func(*testing.T)
	}{
		{"a member of etcd is down", s.etcdMemberDown},
		{"the database of etcd is full", s.etcdNospace},
		{"a member of etcd is slow", s.etcdSlow},
		{"the workload cluster is not reached", s.workloadPartitioned},
		{"a node has no network", s.nodeWithoutNetwork},
		{"the cluster is paused", s.clusterPaused},
		{"edits that are denied", s.denied},
		{"maxSurge is edited", s.maxSurgeEdited},
		{"a step is done twice", s.stepDoneTwice},
		{"the registry's address is missing", s.registryAddressMissing},
		{"the AppRelease is edited by hand", s.appReleaseEdited},
		{"the chart is missing", s.chartMissing},
		{"Kube-OVN's pods are slow", s.appReleaseSlow},
		{"the provider is too old for the chart", s.kubeOVNProviderOld},
		{"an image is missing", s.imageMissing},
		{"the registry is not reached", s.registryUnreachable},
		{"workers first", s.workersFirst},
		{"the template of a machine is gone", s.templateDeleted},
		{"the management cluster is a standby", s.drStandby},
		{"Kube-OVN's version is set while a machine goes", s.kubeOVNVersionEdited},
		{"a second edit, and a load balancer that nobody looks after", s.loadBalancerStale},
		{"a kubelet ends", s.nodeNotReady},
	} {
		if !t.Run(c.name, c.test) {
			return // the next one would find a site that has not healed
		}
	}
	if st := s.twin.Clock().Stats(); st.Late != 0 {
		t.Errorf("late: got %d, want none", st.Late)
	}
}

// struckSite is a twin with a fault.
type struckSite struct {
	twin *sim.Twin
	m, w client.Client // administrators of the management and the workload cluster
}

// struck is a fault of a site.
type struck struct {
	fired []string
	heal  func()
}

// strike arms a fault of the command line's form, and fires it if it does not have to wait for anything.
func (s *struckSite) strike(t *testing.T, text string) *struck {
	t.Helper()
	sep := ":"
	if strings.Contains(text, ":") {
		sep = ","
	}
	spec, err := fault.Parse(text + sep + "heal=at:heal")
	if err != nil {
		t.Fatal(err)
	}
	f := &struck{}
	fired := make(chan string, 1000)
	e := fault.NewEngine(s.twin, s.twin.Clock(), []fault.Spec{spec}, fault.Log{Armed: func(fault.Spec) {}, Laid: func(fault.Spec, string) {},
		Fired: func(_ fault.Spec, target string) { fired <- target }, Healed: func(fault.Spec, string) {}, Failed: func(_ fault.Spec, err error) { t.Error(err) }})
	e.Start(t.Context())
	f.heal = func() {
		e.StepStarts(context.Background(), "heal")
		for len(fired) > 0 {
			f.fired = append(f.fired, <-fired)
		}
	}
	for len(fired) > 0 {
		f.fired = append(f.fired, <-fired)
	}
	return f
}

// felt checks what a fault has hit.
func (f *struck) felt(t *testing.T, want string) {
	t.Helper()
	if all := strings.Join(f.fired, "\n"); all == "" || !strings.Contains(all, want) {
		t.Errorf("fired: got %q, want %q", f.fired, want)
	}
}

// await polls until do returns nil. It gives up sooner than others, because there is much to do.
func (s *struckSite) await(t *testing.T, what string, do func() error) {
	t.Helper()
	deadline := time.NewTimer(40 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := do()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-s.twin.Failed():
			t.Fatalf("%s: %v", what, s.twin.Err())
		case <-deadline.C:
			t.Fatalf("%s: %v; clock held by %v, next %v", what, err, s.twin.Clock().Holders(), s.twin.Clock().Waiting(5))
		}
	}
}

// says is nil when a condition of an object has a status and a text in its reason or message.
func (s *struckSite) says(kind, name, condition, status, text string) func() error {
	group := map[string]string{"Cluster": "cluster", "Machine": "cluster", "MachineSet": "cluster", "KubeadmControlPlane": "controlplane.cluster", "VSphereCluster": "infrastructure.cluster"}[kind]
	return func() error {
		l := &unstructured.UnstructuredList{}
		l.SetAPIVersion(group + ".x-k8s.io/v1beta2")
		l.SetKind(kind + "List")
		if err := s.m.List(context.Background(), l); err != nil {
			return err
		}
		var all []string
		for _, o := range l.Items {
			conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
			for _, c := range conditions {
				c := c.(map[string]any)
				if c["type"] != condition || name != "" && o.GetName() != name {
					continue
				}
				is := fmt.Sprint(c["status"], " ", c["reason"], ": ", c["message"])
				if strings.HasPrefix(is, status) && strings.Contains(is, text) {
					return nil
				}
				all = append(all, o.GetName()+" "+is)
			}
		}
		return fmt.Errorf("%s of %s %s: want %s %q, got %q", condition, kind, name, status, text, all)
	}
}

const kcp, cluster = "prod-a-kcp", "prod-a"

// write is the error of a write to the workload cluster.
func (s *struckSite) write(t *testing.T) error {
	return s.w.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "default", GenerateName: "written-"}})
}

func (s *struckSite) etcdMemberDown(t *testing.T) {
	f := s.strike(t, "etcd-member-down")
	f.felt(t, "etcd of prod-a: 1 of 3 voting members ended: prod-a-kcp-")
	s.await(t, "the symptom", s.says("KubeadmControlPlane", kcp, "ControlPlaneComponentsHealthy", "False", "EtcdPodHealthy"))
	if err := s.write(t); err != nil {
		t.Errorf("a write with a majority: %v", err)
	}
	f.heal()
	s.await(t, "the recovery", s.says("KubeadmControlPlane", kcp, "ControlPlaneComponentsHealthy", "True", ""))
}

func (s *struckSite) etcdNospace(t *testing.T) {
	f := s.strike(t, "etcd-nospace")
	f.felt(t, "etcd of prod-a: alarm NOSPACE of prod-a-kcp-")
	s.await(t, "the symptom", s.says("KubeadmControlPlane", kcp, "EtcdClusterHealthy", "False", "alarm:NOSPACE"))
	if err := s.write(t); err == nil || !strings.Contains(err.Error(), "etcdserver: mvcc: database space exceeded") {
		t.Errorf("a write to a full etcd: got %v, want etcd's refusal", err)
	}
	if err := s.w.List(t.Context(), &corev1.NodeList{}); err != nil {
		t.Errorf("a read of a full etcd: %v", err)
	}
	f.heal()
	s.await(t, "a write", func() error { return s.write(t) })
	s.await(t, "the recovery", s.says("KubeadmControlPlane", kcp, "EtcdClusterHealthy", "True", ""))
}

func (s *struckSite) etcdSlow(t *testing.T) {
	f := s.strike(t, "etcd-slow:count=1")
	if err := s.write(t); err != nil {
		t.Errorf("a write with a fast majority: %v", err)
	}
	f.heal()
	f = s.strike(t, "etcd-slow")
	f.felt(t, "answer after 20s")
	if err := s.write(t); err == nil || !strings.Contains(err.Error(), "etcdserver: request timed out") {
		t.Errorf("a write without a fast majority: got %v, want etcd's time-out", err)
	}
	s.await(t, "the symptom", func() error {
		if s.says("KubeadmControlPlane", kcp, "EtcdClusterHealthy", "True", "")() == nil {
			return fmt.Errorf("EtcdClusterHealthy is True")
		}
		return nil
	})
	f.heal()
	s.await(t, "a write", func() error { return s.write(t) })
	s.await(t, "the recovery", s.says("KubeadmControlPlane", kcp, "EtcdClusterHealthy", "True", ""))
}

// refused is nil when nobody listens where the workload cluster's API is; the first write may find a connection cut.
func (s *struckSite) refused(t *testing.T) func() error {
	return func() error {
		if err := s.write(t); err == nil || !strings.Contains(err.Error(), "connect: connection refused") {
			return fmt.Errorf("a write: got %v, want connection refused", err)
		}
		return nil
	}
}

func (s *struckSite) workloadPartitioned(t *testing.T) {
	f := s.strike(t, "workload-partitioned")
	f.felt(t, "connections are refused")
	s.await(t, "a write that is refused", s.refused(t))
	s.await(t, "the symptom", s.says("Cluster", cluster, "RemoteConnectionProbe", "False", ""))
	f.heal()
	s.await(t, "the recovery", s.says("Cluster", cluster, "RemoteConnectionProbe", "True", ""))
	if err := s.write(t); err != nil {
		t.Errorf("a write: %v", err)
	}
	s.await(t, "the control plane", s.says("KubeadmControlPlane", kcp, "EtcdClusterHealthy", "True", ""))
}

func (s *struckSite) nodeWithoutNetwork(t *testing.T) {
	f := s.strike(t, "node-not-ready:cause=network")
	f.felt(t, "its network is not ready")
	s.await(t, "the symptom", s.says("Machine", "", "NodeHealthy", "False", "cni plugin not initialized"))
	f.heal()
	s.await(t, "the recovery", s.healthy)
}

// healthy is nil when all machines have a healthy node.
func (s *struckSite) healthy() error {
	l := &unstructured.UnstructuredList{}
	l.SetAPIVersion("cluster.x-k8s.io/v1beta2")
	l.SetKind("MachineList")
	if err := s.m.List(context.Background(), l); err != nil {
		return err
	}
	if len(l.Items) != 4 {
		return fmt.Errorf("got %d machines, want 4", len(l.Items))
	}
	for _, m := range l.Items {
		if m.GetDeletionTimestamp() != nil {
			return fmt.Errorf("machine %s is going", m.GetName())
		}
		for _, c := range []string{"NodeHealthy", "Ready"} {
			if err := s.says("Machine", m.GetName(), c, "True", "")(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *struckSite) clusterPaused(t *testing.T) {
	f := s.strike(t, "cluster-paused")
	f.felt(t, "Cluster prod-a: paused")
	s.await(t, "the symptom", s.says("KubeadmControlPlane", kcp, "Paused", "True", ""))
	f.heal()
	s.await(t, "the recovery", s.says("KubeadmControlPlane", kcp, "Paused", "False", ""))
}

func (s *struckSite) denied(t *testing.T) {
	before := s.generations(t)
	for _, c := range []struct{ fault, want string }{
		{"template-edited-in-place", "VSphereMachineTemplate spec.template.spec field is immutable. Please create a new resource instead."},
		{"wrong-row", "cannot update Kubernetes version from v1.33.7-3 to v1.35.0"},
		{"wrong-row:field=coredns", "cannot migrate CoreDNS up to '1.0.0' from '1.12.4-v4.2.8'"},
	} {
		f := s.strike(t, c.fault)
		f.felt(t, c.want)
		f.heal()
	}
	if got := s.generations(t); got != before {
		t.Errorf("after denials: got generations %s, want %s", got, before)
	}
}

// generations are those of what people edit.
func (s *struckSite) generations(t *testing.T) string {
	t.Helper()
	var l []string
	for _, k := range []struct{ apiVersion, kind string }{{"cluster.x-k8s.io/v1beta2", "Cluster"}, {"cluster.x-k8s.io/v1beta2", "MachineDeployment"},
		{"controlplane.cluster.x-k8s.io/v1beta2", "KubeadmControlPlane"}, {"infrastructure.cluster.x-k8s.io/v1beta2", "VSphereMachineTemplate"}} {
		for _, o := range list(t, s.m, k.apiVersion, k.kind) {
			l = append(l, fmt.Sprintf("%s/%d", o.GetName(), o.GetGeneration()))
		}
	}
	return strings.Join(l, " ")
}

func (s *struckSite) maxSurge(t *testing.T) int64 {
	t.Helper()
	o := newObject("controlplane.cluster.x-k8s.io/v1beta1", "KubeadmControlPlane", kcp)
	if err := s.m.Get(t.Context(), client.ObjectKeyFromObject(o), o); err != nil {
		t.Fatal(err)
	}
	n, _, _ := unstructured.NestedInt64(o.Object, "spec", "rolloutStrategy", "rollingUpdate", "maxSurge")
	return n
}

func (s *struckSite) maxSurgeEdited(t *testing.T) {
	f := s.strike(t, "max-surge-edited")
	f.felt(t, "maxSurge 0 accepted")
	if got := s.maxSurge(t); got != 0 {
		t.Errorf("maxSurge: got %d, want 0", got)
	}
	f.heal()
	if got := s.maxSurge(t); got != 1 {
		t.Errorf("maxSurge after the heal: got %d, want 1", got)
	}
}

func (s *struckSite) names(t *testing.T) string {
	t.Helper()
	var l []string
	for _, o := range list(t, s.m, "cluster.x-k8s.io/v1beta2", "Machine") {
		l = append(l, o.GetName())
	}
	return strings.Join(l, " ")
}

func (s *struckSite) stepDoneTwice(t *testing.T) {
	generations, machines := s.generations(t), s.names(t)
	f := s.strike(t, "step-done-twice")
	f.felt(t, "Cluster prod-a: 3 objects were written again as they are")
	pass(t, s.twin, 30*time.Minute)
	if got := s.generations(t); got != generations {
		t.Errorf("generations: got %s, want %s", got, generations)
	}
	if got := s.names(t); got != machines {
		t.Errorf("machines: got %s, want %s", got, machines)
	}
	f.heal()
}

func (s *struckSite) registryAddressMissing(t *testing.T) {
	f := s.strike(t, "registry-address-missing")
	f.felt(t, "annotation cpaas.io/registry-address removed")
	s.await(t, "the symptom", s.says("VSphereCluster", cluster, "KubeOvnAppReleaseReady", "False InvalidKubeOvnConfiguration",
		"cpaas.io/registry-address annotation is required to deploy kube-ovn"))
	f.heal()
	s.await(t, "the recovery", s.says("VSphereCluster", cluster, "KubeOvnAppReleaseReady", "True", ""))
}

func (s *struckSite) appReleaseEdited(t *testing.T) {
	s.twin.Clock().SetPace(clock.Hold)
	f := s.strike(t, "apprelease-edited")
	f.felt(t, "targetRevision v0.0.0 by hand")
	if _, _, target := release(t, s.w); target != "v0.0.0" {
		t.Errorf("target: got %s, want the edit", target)
	}
	s.twin.Clock().SetPace(clock.Free)
	s.await(t, "the end of the edit", func() error {
		if _, _, target := release(t, s.w); target != "v4.2.26" {
			return fmt.Errorf("target: got %s, want that of the annotation", target)
		}
		return s.delivered(t, "v4.2.26")()
	})
	f.heal() // it has nothing to do
	if err := s.delivered(t, "v4.2.26")(); err != nil {
		t.Errorf("after the heal: %v", err)
	}
}

// deliver asks for a version of Kube-OVN.
func (s *struckSite) deliver(t *testing.T, version string) {
	t.Helper()
	patch := fmt.Sprintf(`{"metadata":{"annotations":{"cpaas.io/kube-ovn-version":%q}}}`, version)
	if err := s.m.Patch(t.Context(), newObject("cluster.x-k8s.io/v1beta2", "Cluster", cluster), client.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
		t.Fatal(err)
	}
}

func (s *struckSite) inPhase(t *testing.T, phase, installed string) func() error {
	return func() error {
		if p, i, target := release(t, s.w); p != phase || i != installed {
			return fmt.Errorf("got %s, installed %s, target %s, want %s, installed %s", p, i, target, phase, installed)
		}
		return nil
	}
}

func (s *struckSite) delivered(t *testing.T, version string) func() error {
	return s.inPhase(t, "Success", version)
}

func (s *struckSite) chartMissing(t *testing.T) {
	f := s.strike(t, "chart-missing")
	s.deliver(t, "v4.3.3")
	s.await(t, "the symptom", s.inPhase(t, "DownloadFailed", "v4.2.26"))
	pass(t, s.twin, 10*time.Minute)
	if err := s.inPhase(t, "DownloadFailed", "v4.2.26")(); err != nil {
		t.Errorf("waiting alone: %v", err)
	}
	f.heal()
	f.felt(t, "registry: acp/chart-cpaas-kube-ovn:v4.3.3 is missing")
	s.await(t, "the recovery", s.delivered(t, "v4.3.3"))
}

func (s *struckSite) appReleaseSlow(t *testing.T) {
	f := s.strike(t, "apprelease-slow")
	s.deliver(t, "v4.2.26")
	s.await(t, "the symptom", s.inPhase(t, "HealthChecking", "v4.2.26"))
	pass(t, s.twin, time.Hour)
	if err := s.inPhase(t, "HealthChecking", "v4.2.26")(); err != nil {
		t.Errorf("an hour later: %v", err)
	}
	f.heal()
	f.felt(t, "its pods do not get ready")
	s.await(t, "the recovery", s.delivered(t, "v4.2.26"))
}

func (s *struckSite) kubeOVNProviderOld(t *testing.T) {
	f := s.strike(t, "kube-ovn-provider-old")
	s.deliver(t, "v4.3.3")
	s.await(t, "a chart whose name has not changed", s.delivered(t, "v4.3.3"))
	s.deliver(t, "v4.4.1")
	s.await(t, "the symptom", s.inPhase(t, "DownloadFailed", "v4.3.3"))
	f.heal()
	f.felt(t, "chart acp/chart-cpaas-kube-ovn:v4.4.1")
	s.await(t, "the recovery", s.delivered(t, "v4.4.1"))
	s.deliver(t, "v4.2.26")
	s.await(t, "the way back", s.delivered(t, "v4.2.26"))
}

// pod runs an image of the site's registry.
func (s *struckSite) pod(t *testing.T, image string) *corev1.Pod {
	t.Helper()
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", GenerateName: "pulls-"},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "registry.prod.example:11443/" + image}}}}
	if err := s.w.Create(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	return p
}

// waiting is nil when a pod's container waits for a reason; "": when it runs.
func (s *struckSite) waiting(p *corev1.Pod, reason string) func() error {
	return func() error {
		if err := s.w.Get(context.Background(), client.ObjectKeyFromObject(p), p); err != nil {
			return err
		}
		got := "Pending"
		for _, c := range p.Status.ContainerStatuses {
			switch {
			case c.State.Running != nil:
				got = ""
			case c.State.Waiting != nil:
				got = c.State.Waiting.Reason
			}
		}
		if got != reason {
			return fmt.Errorf("pod %s: got %q, want %q", p.Name, got, reason)
		}
		return nil
	}
}

func (s *struckSite) imageMissing(t *testing.T) {
	f := s.strike(t, "image-missing:image=web:2")
	p, other := s.pod(t, "shop/web:2"), s.pod(t, "shop/web:3")
	s.await(t, "the symptom", s.waiting(p, "ImagePullBackOff"))
	s.await(t, "another tag", s.waiting(other, ""))
	f.heal()
	f.felt(t, "registry: shop/web:2 is missing")
	s.await(t, "the recovery", s.waiting(p, ""))
}

func (s *struckSite) registryUnreachable(t *testing.T) {
	f := s.strike(t, "registry-unreachable")
	p := s.pod(t, "shop/web:4")
	s.await(t, "the symptom", s.waiting(p, "ImagePullBackOff"))
	s.deliver(t, "v4.3.3")
	s.await(t, "the chart", s.inPhase(t, "DownloadFailed", "v4.2.26"))
	f.heal()
	f.felt(t, "registry: not reached")
	s.await(t, "the recovery", s.waiting(p, ""))
	s.await(t, "the delivery", s.delivered(t, "v4.3.3"))
	s.deliver(t, "v4.2.26")
	s.await(t, "the way back", s.delivered(t, "v4.2.26"))
}

func (s *struckSite) workersFirst(t *testing.T) {
	machines := s.names(t)
	f := s.strike(t, "workers-first")
	f.felt(t, "MachineDeployment prod-a-md-0: version v1.34.0")
	s.await(t, "the symptom", s.says("MachineSet", "", "ScalingUp", "True", "skew policy"))
	pass(t, s.twin, 30*time.Minute)
	if got := s.names(t); got != machines {
		t.Errorf("machines: got %s, want %s", got, machines)
	}
	f.heal()
	s.await(t, "the recovery", s.healthy)
	if got := s.names(t); got != machines {
		t.Errorf("machines after the heal: got %s, want %s", got, machines)
	}
}

func (s *struckSite) templateDeleted(t *testing.T) {
	machines := s.names(t)
	f := s.strike(t, "old-template-deleted:name=prod-a-md-0")
	f.felt(t, "VSphereMachineTemplate prod-a-md-0: deleted")
	s.strike(t, "machine-deleted:role=prod-a-md-0").felt(t, "Machine prod-a-md-0-")
	s.await(t, "the symptom", s.says("MachineSet", "", "ScalingUp", "True", "VSphereMachineTemplate does not exist"))
	pass(t, s.twin, 30*time.Minute)
	if got := len(strings.Fields(s.names(t))); got != 3 {
		t.Errorf("machines without the template: got %d, want 3", got)
	}
	f.heal()
	s.await(t, "the recovery", s.healthy)
	if got := s.names(t); got == machines {
		t.Errorf("machines: got %s, want another worker", got)
	}
}

func (s *struckSite) drStandby(t *testing.T) {
	machines := s.names(t)
	f := s.strike(t, "dr-standby")
	f.felt(t, "ConfigMap kube-public/etcd-sync of the management cluster: created")
	s.strike(t, "machine-deleted:role=prod-a-md-0").felt(t, "Machine prod-a-md-0-")
	pass(t, s.twin, 30*time.Minute)
	if got := s.names(t); got != machines {
		t.Errorf("machines: got %s, want %s", got, machines)
	}
	f.heal()
	s.await(t, "the recovery", s.healthy)
	if got := s.names(t); got == machines {
		t.Errorf("machines: got %s, want another worker", got)
	}
}

func (s *struckSite) kubeOVNVersionEdited(t *testing.T) {
	s.twin.Clock().SetPace(clock.Hold)
	s.strike(t, "machine-deleted").felt(t, "Machine prod-a-kcp-")
	f := s.strike(t, "kube-ovn-version-edited:version=v4.3.3")
	f.felt(t, "set to v4.3.3")
	s.await(t, "the symptom", s.says("VSphereCluster", cluster, "KubeOvnAppReleaseReady", "False", "waiting for all control plane Nodes before reconciling kube-ovn AppRelease"))
	if _, _, target := release(t, s.w); target != "v4.2.26" {
		t.Errorf("target meanwhile: got %s, want the old one", target)
	}
	s.twin.Clock().SetPace(clock.Free)
	s.await(t, "the delivery, by itself", s.delivered(t, "v4.3.3"))
	s.await(t, "the control plane", s.healthy)
	f.heal()
	s.await(t, "the way back", s.delivered(t, "v4.2.26"))
}

func (s *struckSite) loadBalancerStale(t *testing.T) {
	before := s.names(t)
	f := s.strike(t, "load-balancer-stale")
	s.strike(t, "edit-split").felt(t, "KubeadmControlPlane prod-a-kcp: edited again")
	await(t, s.twin, "the symptom", s.says("Cluster", cluster, "RemoteConnectionProbe", "False", ""))
	s.await(t, "a write that is refused", s.refused(t))
	f.heal()
	f.felt(t, "no backend is left")
	s.await(t, "the recovery", s.says("Cluster", cluster, "RemoteConnectionProbe", "True", ""))
	s.await(t, "the end of the rollout", func() error {
		for _, name := range strings.Fields(s.names(t)) {
			if strings.Contains(name, "-kcp-") && strings.Contains(before, name) {
				return fmt.Errorf("%s is one of before", name)
			}
		}
		return s.healthy()
	})
}

func (s *struckSite) nodeNotReady(t *testing.T) {
	f := s.strike(t, "node-not-ready")
	f.felt(t, "its kubelet has ended")
	await(t, s.twin, "the symptom", s.says("Machine", "", "NodeHealthy", "Unknown", "Kubelet stopped posting node status"))
	f.heal()
	s.await(t, "the recovery", s.healthy)
}
