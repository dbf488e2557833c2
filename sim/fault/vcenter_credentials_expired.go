package fault

import "github.com/rehearse-dev/rehearse/fakes/vcenter"

var vCenterCredentialsExpired = Fault{
	ID:     "vcenter-credentials-expired",
	Effect: "the password of the site's vCenter account is no longer good: its sessions have ended and logins are refused. It fires at the first call",
	Symptom: "VCenterAvailable of the VSphereCluster turns False/VCenterUnreachable (\"Cannot complete login due to an incorrect user name or " +
		"password.\") at its next look, no VM is cloned, reconfigured or deleted; a runbook that asks vCenter fails",
	Recovery: "set the account's password again, or write the new one into the Secret of the identity; the provider logs in at its next try, at most 1000 s later",
	Heal:     "vCenter takes the password again",
	Source: "sigs.k8s.io/cluster-api-provider-vsphere@v1.16.1 pkg/session GetOrCreate, controllers/vspherecluster_reconciler.go; " +
		"github.com/vmware/govmomi@v0.53.0 vim25/types InvalidLogin",
	inject: vCenterFails("vCenter: a call was refused, the account has expired", "the next call to vCenter", func(Site, Args) (vcenter.Fault, error) {
		return vcenter.Fault{Effect: vcenter.Expired}, nil
	}),
}
