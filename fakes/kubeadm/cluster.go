package kubeadm

import (
	"fmt"
	"strings"
	"time"

	"github.com/blang/semver/v4"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// Cluster is the ClusterConfiguration: what kubeadm init was told, and what join reads from the cluster's ConfigMap
// kubeadm-config, which KubeadmControlPlane rewrites before a rollout.
type Cluster struct {
	Kubernetes     string // kubernetesVersion
	Repository     string // imageRepository
	DNSRepository  string // dns.imageRepository, empty: Repository/coredns
	DNSTag         string
	EtcdTag        string
	EtcdRepository string // etcd.local.imageRepository, empty: Repository
	ServiceSubnet  string
	PodSubnet      string
	DNSDomain      string
	Endpoint       string // controlPlaneEndpoint
	Text           string // the YAML document itself

	SkipPhases []string // of init: "addon/coredns", "addon/kube-proxy", "addon"
	CA         string   // certificate in PEM, for cluster-info; empty: it names none
}

// ReadCluster reads a ClusterConfiguration document.
func ReadCluster(doc []byte) (Cluster, error) {
	var o struct {
		KubernetesVersion, ImageRepository, ControlPlaneEndpoint string
		DNS                                                      struct{ ImageRepository, ImageTag string }
		Etcd                                                     struct {
			Local struct{ ImageRepository, ImageTag string }
		}
		Networking struct{ ServiceSubnet, PodSubnet, DNSDomain string }
	}
	if err := yaml.Unmarshal(doc, &o); err != nil {
		return Cluster{}, fmt.Errorf("ClusterConfiguration: %w", err)
	}
	c := Cluster{Kubernetes: o.KubernetesVersion, Repository: o.ImageRepository, DNSRepository: o.DNS.ImageRepository,
		DNSTag: o.DNS.ImageTag, EtcdTag: o.Etcd.Local.ImageTag, EtcdRepository: o.Etcd.Local.ImageRepository,
		ServiceSubnet: o.Networking.ServiceSubnet, PodSubnet: o.Networking.PodSubnet, DNSDomain: o.Networking.DNSDomain,
		Endpoint: o.ControlPlaneEndpoint, Text: string(doc)}
	if c.Repository == "" {
		c.Repository = "registry.k8s.io"
	}
	if c.DNSDomain == "" {
		c.DNSDomain = "cluster.local"
	}
	if c.ServiceSubnet == "" {
		c.ServiceSubnet = DefaultServiceSubnet
	}
	return c, nil
}

// DefaultServiceSubnet is kubeadm's (k8s.io/kubernetes@v1.35.4 cmd/kubeadm/app/apis/kubeadm/v1beta4
// DefaultServicesSubnet).
const DefaultServiceSubnet = "10.96.0.0/12"

// MayJoin is nil when a kubeadm of the image's version can join the cluster. kubeadm refuses a cluster that is more
// than one minor older; it does not refuse a newer one, and then the node joins at the image's version
// (k8s.io/kubernetes@v1.35.4 cmd/kubeadm/app/util/config, NormalizeKubernetesVersion).
func (c Cluster) MayJoin(image string) error {
	mine, cluster, err := c.versions(image)
	if err != nil {
		return err
	}
	if mine.Major == cluster.Major && mine.Minor <= cluster.Minor+1 {
		return nil
	}
	return fmt.Errorf("this version of kubeadm only supports deploying clusters with the control plane version "+
		">= %d.%d.0. Current version: %s",
		mine.Major, mine.Minor-1, c.Kubernetes)
}

// MayInit is nil when a kubeadm of the image's version can make the cluster: it does not let a kubelet be newer than
// the control plane (k8s.io/kubernetes@v1.35.4 cmd/kubeadm/app/preflight, KubeletVersionCheck).
func (c Cluster) MayInit(image string) error {
	if err := c.MayJoin(image); err != nil {
		return err
	}
	mine, cluster, err := c.versions(image)
	if err != nil || mine.Major == cluster.Major && mine.Minor <= cluster.Minor {
		return err
	}
	return fmt.Errorf("[ERROR KubeletVersion]: the kubelet version is higher than the control plane version. "+
		"This is not a supported version skew "+
		"and may lead to a malfunctional cluster. Kubelet version: %q Control plane version: %q", mine, cluster)
}

func (c Cluster) versions(image string) (mine, cluster semver.Version, err error) {
	if cluster, err = semver.ParseTolerant(c.Kubernetes); err != nil {
		return mine, cluster, fmt.Errorf("kubernetesVersion %q: %w", c.Kubernetes, err)
	}
	if mine, err = semver.ParseTolerant(image); err != nil {
		return mine, cluster, fmt.Errorf("version of the VM template %q: %w", image, err)
	}
	return mine, cluster, nil
}

// TokenSecret is the name of the Secret in kube-system that holds the bootstrap token of a join.
func (b *Bootstrap) TokenSecret() string {
	id, _, _ := strings.Cut(b.Token, ".")
	return "bootstrap-token-" + id
}

// MayDiscover is nil when the bootstrap token lets a machine find the cluster. secret is TokenSecret's, nil: there is
// none; that passes if the token comes back before kubeadm's patience (5 minutes) is over.
func (b *Bootstrap) MayDiscover(secret *corev1.Secret, now time.Time) error {
	id, rest, ok := strings.Cut(b.Token, ".")
	if !ok {
		return fmt.Errorf("discovery.bootstrapToken.token: got %q, want id.secret", b.Token)
	}
	if secret != nil && string(secret.Data["token-secret"]) == rest {
		expires, err := time.Parse(time.RFC3339, string(secret.Data["expiration"]))
		if err != nil || now.Before(expires) { // a token without an expiration does not expire
			return nil
		}
	}
	return fmt.Errorf("couldn't validate the identity of the API Server: "+
		"could not find a JWS signature in the cluster-info ConfigMap for token ID %q", id)
}
