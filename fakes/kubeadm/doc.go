// Package kubeadm plays what kubeadm does inside a machine: it reads the bootstrap data that cloud-init was given, and
// says which Node, static pods and cluster objects kubeadm init or join would leave behind.
//
// The types to know are Bootstrap (the machine's bootstrap data, parsed), Cluster (what init decides and join reads
// from the cluster) and the functions StaticPods and InitObjects. Everything here is a function of values; whoever owns
// the machine applies the results. The package imports nothing of this module.
//
// Models:
//
//	cloud-config as Cluster API's bootstrap provider writes it; kubeadm configuration v1beta3 and v1beta4; node name,
//	labels, taints, external cloud provider; static pods with the images of the cluster's configuration; CoreDNS,
//	kube-proxy, kubeadm-config, kubelet-config, cluster-info and the rights of bootstrap tokens; the refusal to join a
//	cluster that is too old for the image's kubeadm, and to find one without a valid token.
//
// Simplifies:
//
//	Commands before and after kubeadm are not run. The token is looked up as a Secret instead of through the signature
//	of cluster-info; the CA is not pinned. The version of kubeadm and kubelet is that of the VM template's image,
//	whatever the bootstrap data wishes; that of the control plane's images is the cluster's, as with kubeadm. A template
//	is taken to hold the images of its Kubernetes version under the cluster's repository (a guess), and no others.
//
// Omits:
//
//	kubeadm's preflight checks of the host, upload of certificates, patches, addons' configuration beyond image tags.
//
// Source:
//
//	k8s.io/kubernetes@v1.35.4 cmd/kubeadm/app/phases (addons/dns, addons/proxy, controlplane, etcd, kubelet,
//	uploadconfig), cmd/kubeadm/app/cmd/join.go; sigs.k8s.io/cluster-api@v1.13.4 bootstrap/kubeadm/internal/cloudinit.
package kubeadm
