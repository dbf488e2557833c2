package sim

import "time"

// World is what a twin is built from: plain data, given by a *.world.star file or made by a test.
type World struct {
	Name      string
	ACP       string // distribution version of the platform and its clusters, e.g. "4.3.0"; empty: no such objects
	Clusters  []Cluster
	Templates []Template
	Artifacts []string                 // "repository:tag" of what the registry holds
	Timing    map[string]time.Duration // overrides of Timings, by key
	Changes   []Change                 // of the clusters' manifests, in the order in which they are made
}

// Change is a JSON merge patch (RFC 7386) of one manifest; null leaves the manifest out.
type Change struct {
	Kind, Name string
	Merge      []byte
	Where      string // file:line of whoever asks for it
}

// Cluster is one workload cluster: a directory of Kubernetes manifests as a person applies them to the management
// cluster.
type Cluster struct {
	Name      string
	Manifests string // directory
	Except    string // name of a file in it that holds no manifests, "" when there is none
	Etcd      EtcdKind
}

// EtcdKind says what plays the etcd members of a workload cluster.
type EtcdKind string

// EtcdModel is the membership model, the default.
const EtcdModel EtcdKind = "model"

// Template is a VM template in vCenter and the Kubernetes version that its image carries.
type Template struct {
	Name, Kubernetes string
}
