package dsl

import "time"

// World is what a *.world.star file declares with world(...): the description a twin is built from. It is plain data;
// the simulator reads it, this package does not know what a cluster is.
type World struct {
	Name, Doc string
	File      string // path of the file that declares it
	Pos       Position
	ACP       string // distribution version that the platform and its clusters have reached, e.g. "4.3.0"
	Clusters  []WorldCluster
	VCenter   WorldVCenter
	Registry  WorldRegistry
	Timing    map[string]time.Duration // overrides of the simulator's table; unknown keys are refused by the simulator
	Changes   []WorldChange            // of the manifests, in the order in which they are made

	// Dir is a directory of plain manifests with an inventory file, made absolute against the world's file; "" when there
	// is none. Whoever reads it fills in what the fields above leave out.
	Dir string
}

// WorldChange is a merge patch of a manifest that the world's clusters are given with.
type WorldChange struct {
	Kind, Name string
	Merge      []byte // JSON; null leaves the manifest out
	Pos        Position
}

// WorldCluster is cluster(name, manifests=, etcd=): one workload cluster, given as a directory of Kubernetes manifests.
type WorldCluster struct {
	Name      string
	Manifests string // directory, made absolute against the world's file
	Except    string // name of a file in it that holds no manifests, "" when there is none
	Etcd      string // "model", the only kind so far: its membership is played
	Pos       Position
}

// WorldVCenter is vcenter(templates=).
type WorldVCenter struct {
	Templates []WorldTemplate // in the order of the file
}

// WorldTemplate is a VM template and the Kubernetes version that its image carries.
type WorldTemplate struct {
	Name, Kubernetes string
	Pos              Position
}

// WorldRegistry is registry(artifacts=): "repository:tag" of every chart and image that has been synchronised.
type WorldRegistry struct {
	Artifacts []string
}
