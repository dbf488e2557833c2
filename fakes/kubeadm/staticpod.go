package kubeadm

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// StaticPods are the manifests of a control plane machine whose image carries the version, etcd first
// (k8s.io/kubernetes@v1.35.4 cmd/kubeadm/app/phases/controlplane, phases/etcd, images).
func StaticPods(c Cluster, version, ip string) []*corev1.Pod {
	etcd := staticPod("etcd", c.EtcdImage(version), "100m")
	etcd.Annotations = map[string]string{"kubeadm.kubernetes.io/etcd.advertise-client-urls": "https://" + ip + ":2379"}
	etcd.Spec.Containers[0].Resources.Requests[corev1.ResourceMemory] = resource.MustParse("100Mi")
	api := staticPod("kube-apiserver", c.image("kube-apiserver"), "250m")
	api.Annotations = map[string]string{"kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint": ip + ":6443"}
	return []*corev1.Pod{etcd, api, staticPod("kube-controller-manager", c.image("kube-controller-manager"), "200m"),
		staticPod("kube-scheduler", c.image("kube-scheduler"), "100m")}
}

func staticPod(component, image, cpu string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: component, Namespace: metav1.NamespaceSystem,
			Labels: map[string]string{"component": component, "tier": "control-plane"}},
		Spec: corev1.PodSpec{
			PriorityClassName: "system-node-critical", Priority: ptr.To[int32](2000001000), HostNetwork: true,
			SecurityContext: &corev1.PodSecurityContext{
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Containers: []corev1.Container{{Name: component, Image: image, ImagePullPolicy: corev1.PullIfNotPresent,
				Command: []string{component},
				Resources: corev1.ResourceRequirements{
					Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu)},
				}}},
		},
	}
}
