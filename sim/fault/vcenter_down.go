package fault

import "github.com/rehearse-dev/rehearse/fakes/vcenter"

var vCenterDown = Fault{
	ID:     "vcenter-down",
	Effect: "vCenter's service has stopped and the proxy before it answers 503 to everybody; VMs and tasks that run go on. It fires at the first request",
	Symptom: "VCenterAvailable of the VSphereCluster turns False/VCenterUnreachable (\"503 Service Unavailable\") at its next look, no VM is cloned, " +
		"reconfigured or deleted, machines stay as they are; a runbook that asks vCenter fails",
	Recovery: "start vCenter's service; the provider logs in again at its next try, at most 1000 s later",
	Heal:     "starts the service",
	Source: "sigs.k8s.io/cluster-api-provider-vsphere@v1.16.1 pkg/session GetOrCreate, controllers/vspherecluster_reconciler.go; " +
		"guess: the proxy's answer",
	inject: vCenterFails("vCenter: a request got 503 Service Unavailable", "the next request to vCenter", func(Site, Args) (vcenter.Fault, error) {
		return vcenter.Fault{Effect: vcenter.Down}, nil
	}),
}
