package stdlib_test

import (
	"errors"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/dsl/diag"
	"github.com/rehearse-dev/rehearse/dsl/dsltest"
)

// poll asks a wait's function once, given as an expression of (site), and returns what it answered.
func poll(t *testing.T, site dsl.Site, expr string) dsl.Poll {
	t.Helper()
	file := filepath.Join(t.TempDir(), "wait.star")
	loader := dsl.Loader{ReadFile: func(name string) ([]byte, error) {
		if name != file {
			return nil, fs.ErrNotExist
		}
		return []byte(`
load("@rehearse//capi.star", "capi")
load("@rehearse//kubeovn.star", "kubeovn")

CLUSTER = struct(name = "prod-a", namespace = "cpaas-system", infrastructure = "prod-a", control_plane = struct(ref = "KubeadmControlPlane prod-a-kcp", name = "prod-a-kcp"))
TARGET = version("v1.34.5")

runbook(name = "x", run = lambda ctx, p: ctx.wait("w", lambda site: ` + expr + `, timeout = "1m"))
`), nil
	}}
	rb, err := loader.Runbook(file)
	if err != nil {
		t.Fatal(diag.Text(err))
	}
	p, _ := rb.Bind(nil)
	err = rb.Run(t.Context(), &dsltest.Host{Site: site, Polls: 1}, p)
	var stopped *dsltest.Stopped
	switch {
	case err == nil:
		return dsl.Poll{State: dsl.Done}
	case errors.As(err, &stopped):
		return stopped.Poll
	}
	t.Fatal(diag.Text(err))
	return dsl.Poll{}
}

const (
	controlPlane = "capi.control_plane_rolled_out(site, CLUSTER, TARGET)"
	workers      = `capi.machine_deployment_rolled_out(site, CLUSTER, "prod-a-md-0", TARGET)`
	kubeOVN      = `kubeovn.delivered(site, CLUSTER, "v4.3.3")`
)

// conditions are v1beta1 conditions of the newer contract, given as type, status, reason, message.
func conditions(e *estate, kind, name string, all ...[4]string) {
	var list []any
	for _, c := range all {
		list = append(list, map[string]any{"type": c[0], "status": c[1], "reason": c[2], "message": c[3]})
	}
	set(e.management.Find(kind, name), "status/v1beta2/conditions", list)
}

func TestWhatAWaitSays(t *testing.T) {
	healthy := [4]string{"NodeHealthy", "True", "", ""}
	tests := []struct {
		name  string
		spoil func(*estate)
		expr  string
		want  dsl.Poll
	}{
		{"an edit that nobody has seen yet", func(e *estate) {
			set(e.management.Find("KubeadmControlPlane", "prod-a-kcp"), "metadata/generation", int64(2))
		}, controlPlane, dsl.Poll{State: dsl.Pending, Text: "KubeadmControlPlane prod-a-kcp: its last edit is not observed yet"}},

		{"a cluster that somebody has paused", func(e *estate) {
			set(e.management.Find("KubeadmControlPlane", "prod-a-kcp"), "metadata/generation", int64(2))
			set(e.management.Find("Cluster", "prod-a"), "spec/paused", true)
		}, controlPlane, dsl.Poll{State: dsl.Pending,
			Text: "KubeadmControlPlane prod-a-kcp: its last edit is not observed yet; Cluster prod-a is paused"}},

		{"a VM template that does not exist", func(e *estate) {
			e.upgraded("m-01", "m-03")
			set(e.management.Find("Machine", "m-03"), "status", map[string]any{"phase": "Provisioning"})
			conditions(e, "Machine", "m-03",
				[4]string{"BootstrapConfigReady", "True", "", ""},
				[4]string{"InfrastructureReady", "False", "NotReady", "* VirtualMachineProvisioned: unable to find template by name \"x\": vm 'x' not found"},
				[4]string{"NodeHealthy", "Unknown", "InspectionFailed", "Waiting for VSphereMachine to report spec.providerID"})
		}, controlPlane, dsl.Poll{State: dsl.Pending,
			Text: `1 of 3 machines updated; m-03: Provisioning, VirtualMachineProvisioned: unable to find template by name "x": vm 'x' not found`}},

		{"an old machine that is left", func(e *estate) {
			e.machine("", newKubernetes)
			e.upgraded("m-01", "m-02")
		}, controlPlane, dsl.Poll{State: dsl.Pending, Text: "3 of 3 machines updated, 1 old left"}},

		{"an old machine that its provider gave up is replaced anyway", func(e *estate) {
			set(e.management.Find("Machine", "m-03"), "status/failureReason", "CreateError")
		}, controlPlane, dsl.Poll{State: dsl.Pending, Text: "0 of 3 machines updated"}},
		{"a machine that its provider gave up", func(e *estate) {
			e.upgraded("m-03")
			set(e.management.Find("Machine", "m-03"), "status/failureReason", "CreateError")
			set(e.management.Find("Machine", "m-03"), "status/failureMessage", "no such datastore")
		}, controlPlane, dsl.Poll{State: dsl.Broken, Code: "machine-failed", Text: "m-03: Failed, CreateError: no such datastore"}},

		{"a VM template with another version inside", func(e *estate) {
			e.upgraded("m-01")
			set(e.management.Find("Machine", "m-01"), "status/nodeInfo/kubeletVersion", oldKubernetes)
		}, controlPlane, dsl.Poll{State: dsl.Broken, Code: "kubelet-version-wrong",
			Text: "m-01: kubelet is v1.33.7-3, want v1.34.5: the VM template holds another version"}},

		{"a VM template with another build of the version inside", func(e *estate) {
			e.upgraded("m-01")
			set(e.management.Find("Machine", "m-01"), "status/nodeInfo/kubeletVersion", newKubernetes+"-1")
		}, controlPlane, dsl.Poll{State: dsl.Pending, Text: "1 of 3 machines updated"}},

		{"an etcd that is sick when all machines are new", func(e *estate) {
			e.rolled("m-01", "m-02", "m-03")
			conditions(e, "KubeadmControlPlane", "prod-a-kcp",
				[4]string{"Available", "True", "", ""}, [4]string{"ControlPlaneComponentsHealthy", "True", "", ""},
				[4]string{"EtcdClusterHealthy", "False", "NotHealthy", "* Etcd member m-09 does not have a corresponding Machine"})
		}, controlPlane, dsl.Poll{State: dsl.Pending,
			Text: "3 of 3 machines updated; etcd: Etcd member m-09 does not have a corresponding Machine"}},

		{"a static pod that is sick when all machines are new", func(e *estate) {
			e.rolled("m-01", "m-02", "m-03")
			conditions(e, "KubeadmControlPlane", "prod-a-kcp",
				[4]string{"Available", "True", "", ""}, [4]string{"EtcdClusterHealthy", "True", "", ""},
				[4]string{"ControlPlaneComponentsHealthy", "False", "NotHealthy", "* Machine m-02:\n  * APIServerPodHealthy: CrashLoopBackOff"})
		}, controlPlane, dsl.Poll{State: dsl.Pending,
			Text: "3 of 3 machines updated; ControlPlaneComponentsHealthy: Machine m-02: APIServerPodHealthy: CrashLoopBackOff"}},

		{"a new machine that is not ready", func(e *estate) {
			e.rolled("m-01", "m-02", "m-03")
			set(e.management.Find("KubeadmControlPlane", "prod-a-kcp"), "status/readyReplicas", int64(2))
		}, controlPlane, dsl.Poll{State: dsl.Pending, Text: "3 of 3 machines updated; readyReplicas is 2, want 3"}},

		{"a control plane that is new and healthy", func(e *estate) { e.rolled("m-01", "m-02", "m-03") },
			controlPlane, dsl.Poll{State: dsl.Done}},

		{"a quorum that is lost", func(e *estate) {
			conditions(e, "KubeadmControlPlane", "prod-a-kcp",
				[4]string{"Available", "False", "NotAvailable", "* 1 of 3 etcd members is healthy, at least 2 healthy member required for etcd quorum"},
				[4]string{"EtcdClusterHealthy", "Unknown", "HealthUnknown", "* Machine m-01:\n  * EtcdMemberHealthy: Failed to connect to etcd"})
			conditions(e, "Machine", "m-01", healthy, [4]string{"EtcdMemberHealthy", "Unknown", "InspectionFailed", "Failed to connect to etcd: context deadline exceeded"},
				[4]string{"EtcdPodHealthy", "False", "PodFailed", "CrashLoopBackOff"})
			e.management.Happens = map[string][]dsl.Object{"KubeadmControlPlane cpaas-system/prod-a-kcp": {
				{"reason": "ControlPlaneUnhealthy", "lastTimestamp": "2026-01-01T00:10:00Z", "message": "Waiting for control plane to pass preflight checks to continue reconciliation: Machine m-01 reports EtcdMemberHealthy condition is unknown"},
				{"reason": "ControlPlaneUnhealthy", "lastTimestamp": "2026-01-01T00:05:00Z", "message": "older"},
				{"reason": "ControlPlaneUnhealthy", "lastTimestamp": "2026-01-01T00:15:00Z", "message": "Machine m-03 does not have a corresponding Node yet (Machine.status.nodeRef not set)"},
				{"reason": "SuccessfulCreate", "lastTimestamp": "2026-01-01T00:20:00Z", "message": "other"},
			}}
		}, controlPlane, dsl.Poll{State: dsl.Pending, Text: "0 of 3 machines updated; " +
			"etcd: 1 of 3 etcd members is healthy, at least 2 healthy member required for etcd quorum; " +
			"m-01: EtcdPodHealthy: CrashLoopBackOff; " +
			"preflight: Machine m-01 reports EtcdMemberHealthy condition is unknown"}},

		{"etcd in the older contract", func(e *estate) {
			kcp := e.management.Find("KubeadmControlPlane", "prod-a-kcp")
			set(kcp, "status/v1beta2", map[string]any{})
			set(kcp, "status/conditions", []any{map[string]any{"type": "EtcdClusterHealthy", "status": "False", "reason": "EtcdClusterUnhealthy", "message": "Following Machines are reporting etcd member errors: m-01"}})
		}, controlPlane, dsl.Poll{State: dsl.Pending, Text: "0 of 3 machines updated; etcd: Following Machines are reporting etcd member errors: m-01"}},

		{"etcd of a machine that only starts", func(e *estate) {
			conditions(e, "KubeadmControlPlane", "prod-a-kcp",
				[4]string{"EtcdClusterHealthy", "Unknown", "HealthUnknown", "* Machine m-09:\n  * EtcdMemberHealthy: Waiting for VSphereMachine to report spec.providerID\n* Etcd member m-09 does not have a corresponding Machine"})
			e.machine("", newKubernetes)
			set(e.management.Find("Machine", "m-09"), "status", map[string]any{"phase": "Provisioning"})
			e.upgraded("m-01", "m-02")
		}, controlPlane, dsl.Poll{State: dsl.Pending, Text: "2 of 3 machines updated; m-09: Provisioning"}},

		{"a drain that a PodDisruptionBudget holds", func(e *estate) {
			set(e.management.Find("Machine", "m-04"), "metadata/deletionTimestamp", "2026-01-01T00:00:00Z")
			message := "Drain not completed yet (started at 2026-01-01T00:00:00Z):\n* Pod shop/web-0: cannot evict pod as it would violate the pod's disruption budget. The disruption budget web needs 1 healthy pods and has 1 currently"
			conditions(e, "Machine", "m-04", healthy, [4]string{"Deleting", "True", "DrainingNode", message})
			e.upgraded("m-05")
		}, workers, dsl.Poll{State: dsl.Pending, Text: "1 of 3 machines updated; " +
			"m-04: Deleting, Pod shop/web-0: cannot evict pod as it would violate the pod's disruption budget. The disruption budget web needs 1 healthy pods and has 1 currently"}},

		{"a drain in the older contract", func(e *estate) {
			m := e.management.Find("Machine", "m-04")
			set(m, "metadata/deletionTimestamp", "2026-01-01T00:00:00Z")
			set(m, "status/v1beta2", map[string]any{})
			set(m, "status/conditions", []any{map[string]any{"type": "DrainingSucceeded", "status": "False", "reason": "DrainingFailed", "message": "Cannot evict pod"}})
		}, workers, dsl.Poll{State: dsl.Pending, Text: "0 of 3 machines updated; m-04: Deleting, DrainingSucceeded: Cannot evict pod"}},

		{"a MachineSet on hold", func(e *estate) {
			e.put(e.management, "MachineSet", "ms-1", `{"metadata":{"labels":{"cluster.x-k8s.io/cluster-name":"prod-a","cluster.x-k8s.io/deployment-name":"prod-a-md-0"}},
				"status":{"conditions":[{"type":"MachinesCreated","status":"False","reason":"PreflightCheckFailed","message":"KubeadmControlPlane is upgrading (\"ControlPlaneIsStable\" preflight check failed)"}]}}`)
		}, workers, dsl.Poll{State: dsl.Pending,
			Text: `0 of 3 machines updated; MachineSet ms-1 is on hold: KubeadmControlPlane is upgrading ("ControlPlaneIsStable" preflight check failed)`}},

		{"a release that the provider does not touch", func(e *estate) {
			e.put(e.management, "VSphereCluster", "prod-a", `{"status":{"conditions":[{"type":"KubeOvnAppReleaseReady","status":"False","message":"waiting for all control plane Nodes before reconciling kube-ovn AppRelease"}]}}`)
		}, kubeOVN, dsl.Poll{State: dsl.Pending, Code: "apprelease-not-reconciled",
			Text: "cni-kube-ovn is still asked for v4.2.26, not v4.3.3; waiting for all control plane Nodes before reconciling kube-ovn AppRelease"}},

		{"a revision that turned before the pods were looked at", func(e *estate) { e.release("v4.3.3", "v4.3.3", "HealthChecking") },
			kubeOVN, dsl.Poll{State: dsl.Pending, Code: "apprelease-slow", Text: "cni-kube-ovn: HealthChecking, v4.3.3 installed"}},
		{"success of the revision before", func(e *estate) { e.release("v4.3.3", "v4.2.26", "Success") },
			kubeOVN, dsl.Poll{State: dsl.Pending, Code: "apprelease-slow", Text: "cni-kube-ovn: Success, v4.2.26 installed"}},
		{"a download that failed", func(e *estate) { e.release("v4.3.3", "v4.2.26", "DownloadFailed") },
			kubeOVN, dsl.Poll{State: dsl.Pending, Code: "apprelease-download-failed", Text: "cni-kube-ovn: DownloadFailed, needs a person: Sync: chart not found"}},
		{"a deployment that failed", func(e *estate) { e.release("v4.3.3", "v4.2.26", "DeployFailed") },
			kubeOVN, dsl.Poll{State: dsl.Pending, Code: "apprelease-deploy-failed", Text: "cni-kube-ovn: DeployFailed, needs a person: Sync: chart not found"}},
		{"pods that crash", func(e *estate) { e.release("v4.3.3", "v4.3.3", "NotReady") },
			kubeOVN, dsl.Poll{State: dsl.Pending, Code: "apprelease-not-ready", Text: "cni-kube-ovn: NotReady, needs a person: Sync: chart not found"}},
		{"no release at all", func(e *estate) { delete(e.workload.Objects, "AppRelease cpaas-system/cni-kube-ovn") },
			kubeOVN, dsl.Poll{State: dsl.Pending, Code: "apprelease-missing", Text: "there is no AppRelease cpaas-system/cni-kube-ovn"}},
		{"success of an edit that is not the last", func(e *estate) {
			e.release("v4.3.3", "v4.3.3", "Success")
			set(e.workload.Find("AppRelease", "cni-kube-ovn"), "metadata/generation", int64(2))
		}, kubeOVN, dsl.Poll{State: dsl.Pending, Code: "apprelease-slow", Text: "cni-kube-ovn: its last edit is not observed yet"}},
		{"success with pods that are not ready any more", func(e *estate) {
			e.release("v4.3.3", "v4.3.3", "Success")
			set(e.workload.Find("AppRelease", "cni-kube-ovn"), "status/conditions", []any{
				map[string]any{"type": "Sync", "status": "True"}, map[string]any{"type": "Health", "status": "False", "message": "ovs-ovn: 7 of 8 ready"}})
		}, kubeOVN, dsl.Poll{State: dsl.Pending, Code: "apprelease-slow",
			Text: "cni-kube-ovn: Success, v4.3.3 installed; Health: ovs-ovn: 7 of 8 ready"}},
		{"success of another chart", func(e *estate) {
			e.release("v4.3.3", "v4.3.3", "Success")
			set(e.workload.Find("AppRelease", "cni-kube-ovn"), "spec/source/charts", []any{
				map[string]any{"name": "acp/chart-kube-ovn", "targetRevision": "v4.3.3"}})
		}, kubeOVN, dsl.Poll{State: dsl.Pending, Code: "apprelease-not-reconciled",
			Text: "cni-kube-ovn is asked for chart acp/chart-kube-ovn, not acp/chart-cpaas-kube-ovn"}},
		{"success at the target", func(e *estate) { e.release("v4.3.3", "v4.3.3", "Success") }, kubeOVN, dsl.Poll{State: dsl.Done}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := newEstate()
			tt.spoil(e)
			if diff := cmp.Diff(poll(t, e, tt.expr), tt.want); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
		})
	}
}
