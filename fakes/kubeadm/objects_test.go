package kubeadm_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/rehearse-dev/rehearse/fakes/kubeadm"
)

func cluster(t *testing.T, text string) kubeadm.Cluster {
	t.Helper()
	c, err := kubeadm.ReadCluster([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// images are those of all static pods and add-ons.
func images(t *testing.T, c kubeadm.Cluster, version string) []string {
	t.Helper()
	var l []string
	add := func(s corev1.PodSpec) { l = append(l, s.Containers[0].Image) }
	for _, p := range kubeadm.StaticPods(c, version, "10.0.0.1") {
		add(p.Spec)
	}
	objects, err := kubeadm.InitObjects(c, version)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		switch o := o.(type) {
		case *appsv1.DaemonSet:
			add(o.Spec.Template.Spec)
		case *appsv1.Deployment:
			add(o.Spec.Template.Spec)
		}
	}
	return l
}

func TestImagesFollowTheClustersConfiguration(t *testing.T) {
	for name, c := range map[string]struct {
		config string
		want   []string
	}{
		"kubeadm's own choice": {"kubernetesVersion: v1.35.4",
			[]string{"registry.k8s.io/etcd:3.6.6-0", "registry.k8s.io/kube-apiserver:v1.35.4",
				"registry.k8s.io/kube-controller-manager:v1.35.4", "registry.k8s.io/kube-scheduler:v1.35.4",
				"registry.k8s.io/kube-proxy:v1.35.4", "registry.k8s.io/coredns/coredns:v1.13.1"}},
		"the cluster's choice": {"kubernetesVersion: v1.34.5\nimageRepository: r.io/k\n" +
			"dns: {imageTag: v1.12.4}\netcd: {local: {imageTag: v3.5.27}}",
			[]string{"r.io/k/etcd:v3.5.27", "r.io/k/kube-apiserver:v1.34.5", "r.io/k/kube-controller-manager:v1.34.5",
				"r.io/k/kube-scheduler:v1.34.5", "r.io/k/kube-proxy:v1.34.5", "r.io/k/coredns:v1.12.4"}},
		"repositories of their own": {"kubernetesVersion: v1.34.5+x\nimageRepository: r.io/k\n" +
			"dns: {imageRepository: r.io/d, imageTag: a}\netcd: {local: {imageRepository: r.io/e, imageTag: b}}",
			[]string{"r.io/e/etcd:b", "r.io/k/kube-apiserver:v1.34.5_x", "r.io/k/kube-controller-manager:v1.34.5_x",
				"r.io/k/kube-scheduler:v1.34.5_x", "r.io/k/kube-proxy:v1.34.5_x", "r.io/d/coredns:a"}},
	} {
		if diff := cmp.Diff(images(t, cluster(t, c.config), "v1.35.4"), c.want); diff != "" {
			t.Errorf("%s: got - want +\n%s", name, diff)
		}
	}
}

func TestInitLeavesKubeadmConfigLast(t *testing.T) {
	c := cluster(t,
		"kubernetesVersion: v1.34.5\ncontrolPlaneEndpoint: 10.0.0.10:6443\nnetworking: {serviceSubnet: 10.4.0.0/16}")
	c.CA = "PEM"
	objects, err := kubeadm.InitObjects(c, "v1.34.5")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, o := range objects {
		key := fmt.Sprintf("%T %s/%s", o, o.GetNamespace(), o.GetName())
		if seen[key] {
			t.Errorf("%s is there twice", key)
		}
		seen[key] = true
		switch o := o.(type) {
		case *corev1.Service:
			if o.Spec.ClusterIP != "10.4.0.10" {
				t.Errorf("cluster DNS: got %q, want 10.4.0.10", o.Spec.ClusterIP)
			}
		case *corev1.ConfigMap:
			if s := o.Data["kubeconfig"]; o.Name == "cluster-info" &&
				(!strings.Contains(s, "server: https://10.0.0.10:6443") || !strings.Contains(s, "UEVN")) {
				t.Errorf("cluster-info: got %s", s)
			}
		}
	}
	if last := objects[len(objects)-1].GetName(); last != "kubeadm-config" {
		t.Errorf("last: got %q, want kubeadm-config", last)
	}
}

func TestSkippedAddOnsAreNotThere(t *testing.T) {
	for skip, want := range map[string]int{"addon/kube-proxy": 5, "addon": 4} {
		c := cluster(t, "kubernetesVersion: v1.34.5")
		c.SkipPhases = []string{skip}
		if got := images(t, c, "v1.34.5"); len(got) != want {
			t.Errorf("%s: got %q, want %d images", skip, got, want)
		}
	}
}

func TestTheVersionOfEtcdIsThatOfItsTag(t *testing.T) {
	for config, want := range map[string]string{
		"kubernetesVersion: v1.35.4":                                               "3.6.6", // kubeadm's own choice
		"kubernetesVersion: v1.34.5":                                               "3.6.6", // that of the image's kubeadm
		"kubernetesVersion: v1.34.5\netcd: {local: {imageTag: v3.5.27}}":           "3.5.27",
		"kubernetesVersion: v1.33.7\netcd: {local: {imageTag: v3.5.27-260305}}":    "3.5.27",
		"kubernetesVersion: v1.35.6\netcd: {local: {imageTag: v3.6.13-acp.0}}":     "3.6.13",
		"kubernetesVersion: v1.35.6\netcd: {local: {imageTag: latest}}":            "",
		"kubernetesVersion: v1.35.6\netcd: {local: {imageRepository: 'r.io:5/k'}}": "3.6.6",
	} {
		if got := cluster(t, config).EtcdVersion("v1.35.4"); got != want {
			t.Errorf("%s: got %q, want %q", config, got, want)
		}
	}
}

func TestATemplateBringsTheImagesOfItsVersion(t *testing.T) {
	c := cluster(t, "kubernetesVersion: v1.34.5\nimageRepository: r.io/k")
	want := []string{"r.io/k/kube-apiserver:v1.33.7-3", "r.io/k/kube-controller-manager:v1.33.7-3",
		"r.io/k/kube-proxy:v1.33.7-3", "r.io/k/kube-scheduler:v1.33.7-3"}
	if diff := cmp.Diff(want, c.Preloaded("v1.33.7-3")); diff != "" {
		t.Errorf("preloaded images (-want +got):\n%s", diff)
	}
}
