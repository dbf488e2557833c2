package sim_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

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

// controlPlaneJoinFails deletes a control-plane machine whose successor does not join.
func (s *struckSite) controlPlaneJoinFails(t *testing.T) {
	before := s.names(t)
	f := s.strike(t, "control-plane-join-fails")
	s.strike(t, "machine-deleted:role=control-plane").felt(t, "Machine prod-a-kcp-")
	newcomer := ""
	await(t, s.twin, "the symptom", func() error {
		newcomer = s.newcomer(t, before)
		return s.says("Machine", newcomer, "NodeHealthy", "", "Waiting for a Node")()
	})
	pass(t, s.twin, 30*time.Minute)
	if got := s.names(t); len(strings.Fields(got)) != 4 || !strings.Contains(got, newcomer) {
		t.Errorf("machines: got %s, want no other successor than %s", got, newcomer)
	}
	f.heal()
	f.felt(t, "Machine "+newcomer+" of prod-a: kubeadm join failed")
	await(t, s.twin, "the recovery", s.healthy)
	if got := s.names(t); strings.Contains(got, newcomer) {
		t.Errorf("machines: got %s, want another one than %s", got, newcomer)
	}
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
