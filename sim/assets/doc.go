// Package assets finds the programs that a twin runs as child processes: kube-apiserver, kube-controller-manager,
// kube-scheduler and etcd, and, for people and tests, kubectl and govc.
//
// A Lookup is asked for a Binary; Find answers for all that a twin needs, as a Set. Each binary is looked for by itself,
// in this order: the folder that $KUBEBUILDER_ASSETS names, the folder of the running executable (so that a copied bin/
// works on an empty machine), and the cache that `make assets` fills. A Manifest beside the cached binaries says which
// of them were finished; one that it does not name, or names with another size, is as good as absent.
//
// The package starts a binary only to ask for its version, never builds, never imports Kubernetes.
package assets
