package sim_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

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

var maxSurge = []string{"spec", "rolloutStrategy", "rollingUpdate", "maxSurge"}

func (s *struckSite) maxSurgeEdited(t *testing.T) {
	f := s.strike(t, "max-surge-edited")
	f.felt(t, "maxSurge 0 accepted")
	if got := s.ofControlPlane(t, maxSurge...); got != "0" {
		t.Errorf("maxSurge: got %s, want 0", got)
	}
	one := s.strike(t, "max-surge-edited:value=1")
	one.felt(t, "maxSurge 1 accepted")
	if got := s.ofControlPlane(t, maxSurge...); got != "1" {
		t.Errorf("maxSurge: got %s, want 1", got)
	}
	one.heal()
	if got := s.ofControlPlane(t, maxSurge...); got != "0" {
		t.Errorf("maxSurge after the heal: got %s, want 0, that of before", got)
	}
	f.heal()
	if got := s.ofControlPlane(t, maxSurge...); got != "1" {
		t.Errorf("maxSurge after both heals: got %s, want 1", got)
	}
}

// editSplit edits the control plane a second time when the first edit has made a machine.
func (s *struckSite) editSplit(t *testing.T) {
	before, commands := s.names(t), s.ofControlPlane(t, "spec", "kubeadmConfigSpec", "postKubeadmCommands")
	first := s.strike(t, "edit-split")
	first.felt(t, "KubeadmControlPlane prod-a-kcp: edited again")
	newcomer := ""
	await(t, s.twin, "a machine of the first edit", func() error {
		newcomer = s.newcomer(t, before)
		return s.says("Machine", newcomer, "UpToDate", "True", "")()
	})
	second := s.strike(t, "edit-split")
	s.await(t, "the symptom", s.says("Machine", newcomer, "UpToDate", "False", ""))
	second.heal()
	first.heal()
	if got := s.ofControlPlane(t, "spec", "kubeadmConfigSpec", "postKubeadmCommands"); got != commands {
		t.Errorf("commands after the heal: got %s, want %s", got, commands)
	}
	await(t, s.twin, "an extra replacement", func() error {
		if strings.Contains(s.names(t), newcomer) {
			return fmt.Errorf("%s is still there", newcomer)
		}
		return s.healthy()
	})
	s.await(t, "the recovery", s.says("KubeadmControlPlane", kcp, "MachinesUpToDate", "True", ""))
}

// wrongEtcd lets the control plane ask for an etcd that is older than the cluster's.
func (s *struckSite) wrongEtcd(t *testing.T) {
	before, tag := s.names(t), s.ofControlPlane(t, "spec", "kubeadmConfigSpec", "clusterConfiguration", "etcd", "local", "imageTag")
	f := s.strike(t, "wrong-row:field=etcd")
	f.felt(t, "etcd v3.4.3-0 accepted")
	await(t, s.twin, "the symptom", s.says("KubeadmControlPlane", kcp, "EtcdClusterHealthy", "", "does not have a corresponding Machine"))
	pass(t, s.twin, 30*time.Minute)
	newcomer := s.newcomer(t, before)
	for _, name := range strings.Fields(before) {
		if !strings.Contains(s.names(t), name) {
			t.Errorf("machine %s is gone, want it to stay while the new one does not join", name)
		}
	}
	f.heal()
	if got := s.ofControlPlane(t, "spec", "kubeadmConfigSpec", "clusterConfiguration", "etcd", "local", "imageTag"); got != tag {
		t.Errorf("tag after the heal: got %s, want %s", got, tag)
	}
	await(t, s.twin, "kubeadm-config", func() error { // as long as there is a machine to replace
		o := &corev1.ConfigMap{}
		err := s.w.Get(t.Context(), client.ObjectKey{Namespace: "kube-system", Name: "kubeadm-config"}, o)
		if text := o.Data["ClusterConfiguration"]; err == nil && !strings.Contains(text, tag) {
			err = fmt.Errorf("got %s, want tag %s", text, tag)
		}
		return err
	})
	m := newObject("cluster.x-k8s.io/v1beta2", "Machine", newcomer)
	if err := s.m.Delete(t.Context(), m); client.IgnoreNotFound(err) != nil { // as the recovery says
		t.Fatal(err)
	}
	await(t, s.twin, "the recovery", s.healthy)
	s.await(t, "etcd", s.says("KubeadmControlPlane", kcp, "EtcdClusterHealthy", "True", ""))
	if got := s.names(t); got != before {
		t.Errorf("machines: got %s, want %s", got, before)
	}
}

// ofControlPlane is a field of the KubeadmControlPlane.
func (s *struckSite) ofControlPlane(t *testing.T, path ...string) string {
	t.Helper()
	o := newObject("controlplane.cluster.x-k8s.io/v1beta1", "KubeadmControlPlane", kcp)
	if err := s.m.Get(t.Context(), client.ObjectKeyFromObject(o), o); err != nil {
		t.Fatal(err)
	}
	v, _, _ := unstructured.NestedFieldNoCopy(o.Object, path...)
	return fmt.Sprint(v)
}

// newcomer is a control-plane machine that was not there before, "none" while there is none.
func (s *struckSite) newcomer(t *testing.T, before string) string {
	t.Helper()
	for _, name := range strings.Fields(s.names(t)) {
		if strings.Contains(name, "-kcp-") && !strings.Contains(before, name) {
			return name
		}
	}
	return "none"
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
