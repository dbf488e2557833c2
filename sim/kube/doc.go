// Package kube runs the API servers of a twin: the management cluster with the real controllers in this process, and a
// real control plane per workload cluster. It is the only package of the simulator that starts processes.
//
// The types to know are Process (a child that dies with us), Etcd (the storage that all share), Management with
// Controllers and Front, Plane (the control plane of one workload cluster), Members (its etcd as real processes; no
// world can ask for it yet), Gate (a proxy with a fault switch) and CA.
//
// It never imports runner or dsl, and of the fakes only what its own children need.
package kube
