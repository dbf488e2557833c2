package kubeadm

import (
	"bytes"
	"embed"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"text/template"

	"github.com/blang/semver/v4"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

//go:embed manifests/*.yaml
var manifests embed.FS

// InitObjects are what kubeadm init leaves in the cluster, for a machine whose image carries the version, in an order
// in which they can be created. The last one is the ConfigMap kubeadm-config: when it is there, KubeadmControlPlane
// calls the cluster initialised.
func InitObjects(c Cluster, version string) ([]client.Object, error) {
	v, err := semver.ParseTolerant(version)
	if err != nil {
		return nil, fmt.Errorf("version of the VM template %q: %w", version, err)
	}
	dns, err := dnsAddress(c.ServiceSubnet)
	if err != nil {
		return nil, err
	}
	values := map[string]any{
		"DNSDomain": c.DNSDomain, "DNSIP": dns, "PodSubnet": c.PodSubnet, "Server": "https://" + c.Endpoint,
		"DNSImage": c.dnsImage(version), "ProxyImage": c.image("kube-proxy"), "CacheDisable": v.Minor >= 32,
	}
	var l []client.Object
	for _, m := range []struct{ file, phase string }{
		{"rbac.yaml", "bootstrap-token"}, {"kubelet-config.yaml", "upload-config"}, {"kube-proxy.yaml",
			"addon/kube-proxy"}, {"coredns.yaml", "addon/coredns"},
	} {
		if c.skips(m.phase) {
			continue
		}
		objects, err := render(m.file, values)
		if err != nil {
			return nil, fmt.Errorf("manifest %s: %w", m.file, err)
		}
		l = append(l, objects...)
	}
	info, err := clusterInfo(c)
	if err != nil {
		return nil, err
	}
	return append(l, info, configMap(metav1.NamespaceSystem, "kubeadm-config", "ClusterConfiguration", c.Text)), nil
}

// skips tells whether a phase, or the phase that it is part of, is not to be run.
func (c Cluster) skips(phase string) bool {
	return slices.ContainsFunc(c.SkipPhases, func(s string) bool {
		return phase == s ||
			strings.HasPrefix(phase, s+"/")
	})
}

// render reads a manifest into typed objects.
func render(file string, values any) ([]client.Object, error) {
	t, err := template.ParseFS(manifests, "manifests/"+file)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	if err := t.Execute(&text, values); err != nil {
		return nil, err
	}
	var l []client.Object
	for _, doc := range strings.Split(text.String(), "\n---\n") {
		o, _, err := scheme.Codecs.UniversalDeserializer().Decode([]byte(doc), nil, nil)
		if err != nil {
			return nil, err
		}
		l = append(l, o.(client.Object))
	}
	return l, nil
}

// clusterInfo is the public kubeconfig without credentials that joining machines start from.
func clusterInfo(c Cluster) (*corev1.ConfigMap, error) {
	k := clientcmdapi.NewConfig()
	k.Clusters[""] = &clientcmdapi.Cluster{Server: "https://" + c.Endpoint, CertificateAuthorityData: []byte(c.CA)}
	b, err := clientcmd.Write(*k)
	if err != nil {
		return nil, fmt.Errorf("cluster-info: %w", err)
	}
	return configMap(metav1.NamespacePublic, "cluster-info", "kubeconfig", string(b)), nil
}

func configMap(namespace, name, key, value string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Data: map[string]string{key: value}}
}

// dnsAddress is the tenth address of the service subnet, kubeadm's choice for cluster DNS.
func dnsAddress(subnets string) (string, error) {
	first, _, _ := strings.Cut(subnets, ",")
	p, err := netip.ParsePrefix(first)
	if err != nil {
		return "", fmt.Errorf("service subnet: %w", err)
	}
	a := p.Masked().Addr()
	for range 10 {
		a = a.Next()
	}
	return a.String(), nil
}
