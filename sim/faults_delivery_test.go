package sim_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rehearse-dev/rehearse/sim/clock"
)

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
