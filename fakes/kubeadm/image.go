package kubeadm

import (
	"strings"

	"github.com/blang/semver/v4"
)

// registry is where kubeadm takes images from unless it is told otherwise.
const registry = "registry.k8s.io"

// defaults are the tags that a kubeadm of a minor version uses for what has a version of its own. Only the last row was
// read in the source (k8s.io/kubernetes@v1.35.4 cmd/kubeadm/app/constants); the others are a guess from memory, for
// configurations that name no tags.
var defaults = []struct {
	minor         uint64
	etcd, coredns string
}{
	{31, "3.5.15-0", "v1.11.1"},
	{32, "3.5.16-0", "v1.11.3"},
	{33, "3.5.21-0", "v1.12.0"},
	{34, "3.6.5-0", "v1.12.1"},
	{35, "3.6.6-0", "v1.13.1"},
}

// defaultTags are those of a kubeadm; the nearest older known version stands in for an unknown one.
func defaultTags(kubeadm string) (etcd, coredns string) {
	best := defaults[0]
	v, err := semver.ParseTolerant(kubeadm)
	for _, d := range defaults {
		if err == nil && d.minor <= v.Minor {
			best = d
		}
	}
	return best.etcd, best.coredns
}

// image is the image of a component whose version is Kubernetes'. kubeadm takes the cluster's version for its tag, not
// its own: that of a machine with an old image shows in its kubelet.
func (c Cluster) image(component string) string {
	return c.Repository + "/" + component + ":" + strings.ReplaceAll(c.Kubernetes, "+", "_")
}

// EtcdImage is what a kubeadm of a version runs etcd from.
func (c Cluster) EtcdImage(kubeadm string) string {
	repository, tag := c.EtcdRepository, c.EtcdTag
	if repository == "" {
		repository = c.Repository
	}
	if tag == "" {
		tag, _ = defaultTags(kubeadm)
	}
	return repository + "/etcd:" + tag
}

// EtcdVersion is the version of etcd that its image tag names, such as 3.5.27 for v3.5.27-260305; "" when the tag is no
// version.
func (c Cluster) EtcdVersion(kubeadm string) string {
	image := c.EtcdImage(kubeadm)
	v, err := semver.ParseTolerant(image[strings.LastIndexByte(image, ':')+1:])
	if err != nil {
		return ""
	}
	return v.FinalizeVersion()
}

// Preloaded are the images that a VM template of a version brings along: those whose version is Kubernetes'. CoreDNS and
// etcd have versions of their own and are pulled.
func (c Cluster) Preloaded(version string) []string {
	c.Kubernetes = version
	var l []string
	for _, component := range []string{"kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler"} {
		l = append(l, c.image(component))
	}
	return l
}

func (c Cluster) dnsImage(kubeadm string) string {
	repository, tag := c.DNSRepository, c.DNSTag
	if repository == "" {
		repository = c.Repository
	}
	if repository == registry {
		repository += "/coredns"
	}
	if tag == "" {
		_, tag = defaultTags(kubeadm)
	}
	return repository + "/coredns:" + tag
}
