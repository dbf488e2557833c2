//go:build tools

// Package tools pins the programs that a twin runs as child processes, and kubectl, which people and tests point at it.
// They are built by cmd/internal/buildassets and never imported; govc has a module of its own.
package tools

import (
	_ "go.etcd.io/etcd/server/v3/etcdmain"
	_ "k8s.io/kubernetes/cmd/kube-apiserver/app"
	_ "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	_ "k8s.io/kubernetes/cmd/kube-scheduler/app"
	_ "k8s.io/kubernetes/cmd/kubectl"
)
