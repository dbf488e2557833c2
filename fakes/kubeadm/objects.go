package kubeadm

import (
	"fmt"
	"net/netip"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// StaticPods are the control plane's, for a machine whose image carries the version. Tags that kubeadm would choose
// itself are left to the cluster's configuration where it has them.
func StaticPods(c Cluster, version, ip string) []*corev1.Pod {
	etcd := c.EtcdTag
	if etcd == "" {
		etcd = "3.5.24-0" // kubeadm's own choice for these minors
	}
	var l []*corev1.Pod
	for _, x := range []struct{ component, image string }{
		{"etcd", c.Repository + "/etcd:" + etcd},
		{"kube-apiserver", c.Repository + "/kube-apiserver:" + version},
		{"kube-controller-manager", c.Repository + "/kube-controller-manager:" + version},
		{"kube-scheduler", c.Repository + "/kube-scheduler:" + version},
	} {
		annotations := map[string]string{}
		switch x.component {
		case "kube-apiserver":
			annotations["kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint"] = ip + ":6443"
		case "etcd":
			annotations["kubeadm.kubernetes.io/etcd.advertise-client-urls"] = "https://" + ip + ":2379"
		}
		l = append(l, &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: x.component, Namespace: metav1.NamespaceSystem, Annotations: annotations,
				Labels: map[string]string{"component": x.component, "tier": "control-plane"}},
			Spec: corev1.PodSpec{HostNetwork: true, PriorityClassName: "system-node-critical", Containers: []corev1.Container{{Name: x.component, Image: x.image}}},
		})
	}
	return l
}

// InitObjects are what kubeadm init leaves in the cluster, for a machine whose image carries the version. The last one
// is the ConfigMap kubeadm-config: when it is there, KubeadmControlPlane calls the cluster initialised.
func InitObjects(c Cluster, version string) ([]client.Object, error) {
	dns, err := dnsAddress(c.ServiceSubnet)
	if err != nil {
		return nil, err
	}
	l := dnsObjects(c, dns)
	l = append(l, proxyObjects(c, version)...)
	l = append(l,
		configMap(metav1.NamespaceSystem, "kubelet-config", map[string]string{"kubelet": fmt.Sprintf(
			"apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nclusterDNS: [%s]\nclusterDomain: %s\n", dns, c.DNSDomain)}),
		configMap(metav1.NamespacePublic, "cluster-info", map[string]string{"kubeconfig": fmt.Sprintf(
			"apiVersion: v1\nkind: Config\nclusters:\n- name: \"\"\n  cluster:\n    server: https://%s\n", c.Endpoint)}),
		&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "kubeadm:get-nodes"}, Rules: []rbacv1.PolicyRule{{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"nodes"}}}},
		&rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "kubeadm:get-nodes"}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "kubeadm:get-nodes"},
			Subjects: []rbacv1.Subject{{Kind: rbacv1.GroupKind, Name: "system:bootstrappers:kubeadm:default-node-token"}}},
		configMap(metav1.NamespaceSystem, "kubeadm-config", map[string]string{"ClusterConfiguration": c.Text}),
	)
	return l, nil
}

func configMap(ns, name string, data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}, Data: data}
}

func system(name string, labels map[string]string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: metav1.NamespaceSystem, Name: name, Labels: labels}
}

// corefile is kubeadm's default, which the migration between CoreDNS versions knows.
const corefile = `.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes %s in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30
    loop
    reload
    loadbalance
}
`

func dnsObjects(c Cluster, address string) []client.Object {
	labels := map[string]string{"k8s-app": "kube-dns"}
	repository, tag := c.DNSRepository, c.DNSTag
	if repository == "" {
		repository = c.Repository
	}
	if tag == "" {
		tag = "v1.12.0"
	}
	return []client.Object{
		&corev1.ServiceAccount{ObjectMeta: system("coredns", nil)},
		configMap(metav1.NamespaceSystem, "coredns", map[string]string{"Corefile": fmt.Sprintf(corefile, c.DNSDomain)}),
		&corev1.Service{ObjectMeta: system("kube-dns", map[string]string{"k8s-app": "kube-dns", "kubernetes.io/name": "CoreDNS"}), Spec: corev1.ServiceSpec{Selector: labels, ClusterIP: address,
			Ports: []corev1.ServicePort{{Name: "dns", Port: 53, Protocol: corev1.ProtocolUDP, TargetPort: intstr.FromInt32(53)}, {Name: "dns-tcp", Port: 53, Protocol: corev1.ProtocolTCP, TargetPort: intstr.FromInt32(53)}}}},
		&appsv1.Deployment{ObjectMeta: system("coredns", labels), Spec: appsv1.DeploymentSpec{
			Replicas: ptr.To[int32](2), Selector: &metav1.LabelSelector{MatchLabels: labels},
			Strategy: appsv1.DeploymentStrategy{Type: appsv1.RollingUpdateDeploymentStrategyType, RollingUpdate: &appsv1.RollingUpdateDeployment{MaxUnavailable: ptr.To(intstr.FromInt32(1))}},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{
				ServiceAccountName: "coredns", PriorityClassName: "system-cluster-critical", DNSPolicy: corev1.DNSDefault,
				Tolerations: []corev1.Toleration{{Key: "CriticalAddonsOnly", Operator: corev1.TolerationOpExists}, {Key: controlPlaneTaint.Key, Effect: controlPlaneTaint.Effect}},
				Containers: []corev1.Container{{Name: "coredns", Image: repository + "/coredns:" + tag, Args: []string{"-conf", "/etc/coredns/Corefile"},
					VolumeMounts: []corev1.VolumeMount{{Name: "config-volume", MountPath: "/etc/coredns", ReadOnly: true}}}},
				Volumes: []corev1.Volume{{Name: "config-volume", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
					LocalObjectReference: corev1.LocalObjectReference{Name: "coredns"}, Items: []corev1.KeyToPath{{Key: "Corefile", Path: "Corefile"}}}}}}}},
		}},
	}
}

func proxyObjects(c Cluster, version string) []client.Object {
	labels := map[string]string{"k8s-app": "kube-proxy"}
	return []client.Object{
		&corev1.ServiceAccount{ObjectMeta: system("kube-proxy", nil)},
		configMap(metav1.NamespaceSystem, "kube-proxy", map[string]string{"config.conf": fmt.Sprintf("apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nclusterCIDR: %q\n", c.PodSubnet)}),
		&appsv1.DaemonSet{ObjectMeta: system("kube-proxy", labels), Spec: appsv1.DaemonSetSpec{Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{HostNetwork: true, ServiceAccountName: "kube-proxy", PriorityClassName: "system-node-critical",
				Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
				Containers:  []corev1.Container{{Name: "kube-proxy", Image: c.Repository + "/kube-proxy:" + version}}}}}},
	}
}

// dnsAddress is the tenth address of the service subnet, kubeadm's choice for cluster DNS.
func dnsAddress(subnet string) (string, error) {
	if subnet == "" {
		subnet = "10.96.0.0/12"
	}
	p, err := netip.ParsePrefix(subnet)
	if err != nil {
		return "", fmt.Errorf("service subnet: %w", err)
	}
	a := p.Masked().Addr()
	for range 10 {
		a = a.Next()
	}
	return a.String(), nil
}
