package kubeadm

import (
	"fmt"

	"github.com/blang/semver/v4"
	"sigs.k8s.io/yaml"
)

// Cluster is the ClusterConfiguration: what kubeadm init was told, and what join reads from the cluster's ConfigMap
// kubeadm-config, which KubeadmControlPlane rewrites before a rollout.
type Cluster struct {
	Kubernetes    string // kubernetesVersion
	Repository    string // imageRepository
	DNSRepository string // dns.imageRepository, empty: Repository/coredns
	DNSTag        string
	EtcdTag       string
	ServiceSubnet string
	PodSubnet     string
	DNSDomain     string
	Endpoint      string // controlPlaneEndpoint
	Text          string // the YAML document itself
}

// ReadCluster reads a ClusterConfiguration document.
func ReadCluster(doc []byte) (Cluster, error) {
	var o struct {
		KubernetesVersion, ImageRepository, ControlPlaneEndpoint string
		DNS                                                      struct{ ImageRepository, ImageTag string }
		Etcd                                                     struct{ Local struct{ ImageTag string } }
		Networking                                               struct{ ServiceSubnet, PodSubnet, DNSDomain string }
	}
	if err := yaml.Unmarshal(doc, &o); err != nil {
		return Cluster{}, fmt.Errorf("ClusterConfiguration: %w", err)
	}
	c := Cluster{Kubernetes: o.KubernetesVersion, Repository: o.ImageRepository, DNSRepository: o.DNS.ImageRepository, DNSTag: o.DNS.ImageTag, EtcdTag: o.Etcd.Local.ImageTag,
		ServiceSubnet: o.Networking.ServiceSubnet, PodSubnet: o.Networking.PodSubnet, DNSDomain: o.Networking.DNSDomain, Endpoint: o.ControlPlaneEndpoint, Text: string(doc)}
	if c.Repository == "" {
		c.Repository = "registry.k8s.io"
	}
	if c.DNSDomain == "" {
		c.DNSDomain = "cluster.local"
	}
	return c, nil
}

// MayJoin is nil when a kubeadm of the image's version can join the cluster. kubeadm refuses a cluster that is more than
// one minor older; it does not refuse a newer one, and then the node joins at the image's version
// (k8s.io/kubernetes@v1.35.4 cmd/kubeadm/app/util/config, NormalizeKubernetesVersion).
func (c Cluster) MayJoin(image string) error {
	cluster, err := semver.ParseTolerant(c.Kubernetes)
	if err != nil {
		return fmt.Errorf("kubernetesVersion %q: %w", c.Kubernetes, err)
	}
	mine, err := semver.ParseTolerant(image)
	if err != nil {
		return fmt.Errorf("version of the VM template %q: %w", image, err)
	}
	if mine.Major == cluster.Major && mine.Minor <= cluster.Minor+1 {
		return nil
	}
	return fmt.Errorf("this version of kubeadm only supports deploying clusters with the control plane version >= %d.%d.0. Current version: %s",
		mine.Major, mine.Minor-1, c.Kubernetes)
}
