package stdlib_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/dsl/diag"
	"github.com/rehearse-dev/rehearse/dsl/dsltest"
)

const upgradeFile = "../../scenarios/vsphere/upgrade.star"

// upgrade runs the vSphere runbook.
func upgrade(t *testing.T, host dsl.Host, target string) error {
	t.Helper()
	rb, err := dsl.Loader{}.Runbook(upgradeFile)
	if err != nil {
		t.Fatal(diag.Text(err))
	}
	p, err := rb.Bind(map[string]string{"cluster": "prod-a", "target": target})
	if err != nil {
		t.Fatal(diag.Text(err))
	}
	return rb.Run(t.Context(), host, p)
}

func TestUpgradeFromEndToEnd(t *testing.T) {
	e := newEstate()
	host := &dsltest.Host{Site: e, Tick: e.tick}
	if err := upgrade(t, host, "4.3.0"); err != nil {
		t.Fatal(diag.Text(err))
	}
	want := []string{
		"step preflight: done",
		"note: a rollback would take CoreDNS back from 1.14.2-v4.3.4 to 1.12.4-v4.2.8, which the webhook may refuse",
		"step templates: done",
		"gate start: Replace 3 control-plane and 5 worker VMs of prod-a, one after another, to run Kubernetes v1.34.5? Its workloads and add-ons must run on that.",
		"step control-plane: done",
		"step kube-ovn: done",
		"wait kube-ovn-delivered: done after 4 polls",
		"wait control-plane-rolled: done after 6 polls",
		"step workers-prod-a-md-0: done",
		"wait workers-prod-a-md-0-rolled: done after 5 polls",
		"step workers-prod-a-md-1: done",
		"wait workers-prod-a-md-1-rolled: done after 4 polls",
		"wait verified: done after 1 polls",
	}
	if diff := cmp.Diff(host.Log, want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	writes := []string{
		"create VSphereMachineTemplate cpaas-system/prod-a-control-plane-v1.34.5",
		"create VSphereMachineTemplate cpaas-system/prod-a-md-0-v1.34.5",
		"create VSphereMachineTemplate cpaas-system/prod-a-md-1-v1.34.5",
		"patch KubeadmControlPlane cpaas-system/prod-a-kcp",
		"patch Cluster cpaas-system/prod-a",
		"patch MachineDeployment cpaas-system/prod-a-md-0",
		"patch MachineDeployment cpaas-system/prod-a-md-1",
	}
	if diff := cmp.Diff(e.management.Writes, writes); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	if len(e.workload.Writes) != 0 {
		t.Errorf("got %q on the workload cluster, want nothing", e.workload.Writes)
	}
	texts := []string{
		"cni-kube-ovn is still asked for v4.2.26, not v4.3.3",
		"cni-kube-ovn: Upgrading, v4.2.26 installed",
		"cni-kube-ovn: HealthChecking, v4.3.3 installed",
	}
	if diff := cmp.Diff(host.Texts["kube-ovn-delivered"], texts); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}

func TestTheSecondRunWritesNothing(t *testing.T) {
	e := newEstate()
	if err := upgrade(t, &dsltest.Host{Site: e, Tick: e.tick}, "4.3.0"); err != nil {
		t.Fatal(diag.Text(err))
	}
	e.management.Writes = nil
	host := &dsltest.Host{Site: e, Tick: e.tick}
	if err := upgrade(t, host, "4.3.0"); err != nil {
		t.Fatal(diag.Text(err))
	}
	want := []string{
		"step preflight: done",
		"step templates: noop",
		"step control-plane: noop",
		"step kube-ovn: noop",
		"wait kube-ovn-delivered: done after 1 polls",
		"wait control-plane-rolled: done after 1 polls",
		"step workers-prod-a-md-0: noop",
		"wait workers-prod-a-md-0-rolled: done after 1 polls",
		"step workers-prod-a-md-1: noop",
		"wait workers-prod-a-md-1-rolled: done after 1 polls",
		"wait verified: done after 1 polls",
	}
	if diff := cmp.Diff(host.Log, want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	if len(e.management.Writes) != 0 {
		t.Errorf("got writes %q, want none", e.management.Writes)
	}
}

func TestTheCopiedTemplateIsFreeOfWhatTheServerWrote(t *testing.T) {
	e := newEstate()
	if err := upgrade(t, &dsltest.Host{Site: e, Tick: e.tick}, "4.3.0"); err != nil {
		t.Fatal(diag.Text(err))
	}
	want := dsl.Object{
		"apiVersion": "infrastructure.cluster.x-k8s.io/v1beta1",
		"kind":       "VSphereMachineTemplate",
		"metadata": map[string]any{"name": "prod-a-control-plane-v1.34.5", "namespace": "cpaas-system", "generation": int64(1),
			"labels": map[string]any{"a": "b"}, "annotations": map[string]any{"keep": "me"}},
		"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"template": newImage, "numCPUs": int64(8)}}},
	}
	if diff := cmp.Diff(e.management.Find("VSphereMachineTemplate", "prod-a-control-plane-v1.34.5"), want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}

func TestUndoRestoresWhatWasChanged(t *testing.T) {
	e := newEstate()
	specs := func() map[string]any {
		return map[string]any{
			"kcp":         dsltest.Decode([]byte(mustJSON(e.management.Find("KubeadmControlPlane", "prod-a-kcp")["spec"]))),
			"md-0":        dsltest.Decode([]byte(mustJSON(e.management.Find("MachineDeployment", "prod-a-md-0")["spec"]))),
			"annotations": dsltest.Decode([]byte(mustJSON(e.management.Find("Cluster", "prod-a")["metadata"].(map[string]any)["annotations"]))),
		}
	}
	before := specs()
	host := &dsltest.Host{Site: e, Tick: e.tick}
	if err := upgrade(t, host, "4.3.0"); err != nil {
		t.Fatal(diag.Text(err))
	}
	host.Undo(t)
	if diff := cmp.Diff(specs(), before); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}

func TestPreflightRefuses(t *testing.T) {
	condition := func(e *estate, kind, name, condition, status, message string) {
		set(e.management.Find(kind, name), "status/v1beta2/conditions", []any{
			map[string]any{"type": condition, "status": status, "message": message}})
	}
	tests := []struct {
		name   string
		spoil  func(*estate)
		target string
		code   string
		says   string
	}{
		{"a cluster that does not exist", func(e *estate) {
			delete(e.management.Objects, "Cluster cpaas-system/prod-a")
			e.put(e.management, "Cluster", "prod-b", `{}`)
		},
			"4.3.0", "cluster-not-found", "there is no Cluster cpaas-system/prod-a"},
		{"controllers that still roll out", func(e *estate) {
			set(e.management.Find("Deployment", "capv-controller-manager"), "status/updatedReplicas", int64(0))
		}, "4.3.0", "management-controllers-not-ready", "capv-controller-manager: 0 of 1 updated, 1 available"},
		{"no controllers at all", func(e *estate) {
			delete(e.management.Objects, "Deployment cpaas-system/capi-controller-manager")
			delete(e.management.Objects, "Deployment cpaas-system/capv-controller-manager")
		}, "4.3.0", "management-controllers-not-ready", "no Deployment with label cluster.x-k8s.io/provider"},
		{"a distribution on its way", func(e *estate) {
			set(e.management.Find("ClusterVersionShadow", "prod-a"), "status/current/version", "v4.2.4")
		}, "4.3.0", "distribution-not-complete", "distribution is at v4.2.4 and on its way to v4.3.0"},
		{"a distribution that nobody knows", func(e *estate) { delete(e.management.Objects, "ClusterVersionShadow cpaas-system/prod-a") },
			"4.3.0", "distribution-not-complete", "no ClusterVersionShadow cpaas-system/prod-a"},
		{"a distribution below the target", func(*estate) {}, "4.3.1", "distribution-behind", "prod-a is at distribution version v4.3.0, below 4.3.1"},
		{"a skipped minor", func(e *estate) {
			set(e.management.Find("KubeadmControlPlane", "prod-a-kcp"), "spec/version", "v1.32.7")
		}, "4.3.0", "kubernetes-minor-skipped", "prod-a is at v1.32.7; v1.34.5 skips a Kubernetes minor"},
		{"a downgrade", func(*estate) {}, "4.2.2", "kubernetes-downgrade", "v1.33.7-2 would be a downgrade"},
		{"workers that were left behind", func(e *estate) {
			set(e.management.Find("MachineDeployment", "prod-a-md-1"), "spec/template/spec/version", "v1.32.7")
		}, "4.3.0", "workers-not-aligned", "MachineDeployment prod-a-md-1 is at v1.32.7, the control plane at v1.33.7-3"},
		{"a CoreDNS that would go down", func(e *estate) {
			set(e.management.Find("KubeadmControlPlane", "prod-a-kcp"), "spec/kubeadmConfigSpec/clusterConfiguration/dns/imageTag", "1.14.3-v4.2.11")
		}, "4.3.0", "coredns-downgrade", "CoreDNS would go down from 1.14.3-v4.2.11 to 1.14.2-v4.3.4"},
		{"a VM template that is not uploaded", func(e *estate) { e.Vms = e.Vms[:1] }, "4.3.0", "vsphere-template-missing",
			`VM template "alaudaos-43.m55.202604161208-0.x86_64" is missing in vCenter`},
		{"a VM with the template's name", func(e *estate) { e.Vms[1].Template = false }, "4.3.0", "vsphere-template-missing", "is missing in vCenter"},
		{"a network annotation that is missing", func(e *estate) {
			delete(e.management.Find("Cluster", "prod-a")["metadata"].(map[string]any)["annotations"].(map[string]any), "cpaas.io/network-type")
		}, "4.3.0", "kube-ovn-ungated", "does not carry cpaas.io/network-type: kube-ovn"},
		{"a chart that is not synchronised", func(e *estate) { e.Tags = nil }, "4.3.0", "kube-ovn-chart-missing",
			"the registry has no acp/chart-cpaas-kube-ovn:v4.3.3"},
		{"a paused cluster", func(e *estate) { set(e.management.Find("Cluster", "prod-a"), "spec/paused", true) },
			"4.3.0", "cluster-paused", "Cluster prod-a is paused"},
		{"a paused MachineDeployment", func(e *estate) {
			e.management.Find("MachineDeployment", "prod-a-md-0")["metadata"].(map[string]any)["annotations"] = map[string]any{"cluster.x-k8s.io/paused": ""}
		}, "4.3.0", "cluster-paused", "MachineDeployment prod-a-md-0 is paused"},
		{"an API server that does not answer", func(e *estate) { e.workload.Down = errors.New("connection refused") },
			"4.3.0", "control-plane-unreachable", "the API server of prod-a does not answer: connection refused"},
		{"a rollout that is under way", func(e *estate) {
			set(e.management.Find("MachineDeployment", "prod-a-md-0"), "status/updatedReplicas", int64(1))
		}, "4.3.0", "rollout-in-progress", "MachineDeployment prod-a-md-0: 1 of 3 machines updated, 3 present"},
		{"a machine that is being deleted", func(e *estate) {
			set(e.management.Find("Machine", "m-02"), "metadata/deletionTimestamp", "2026-01-01T00:00:00Z")
		}, "4.3.0", "rollout-in-progress", "Machine m-02 is being deleted"},
		{"an etcd that is not healthy", func(e *estate) {
			condition(e, "KubeadmControlPlane", "prod-a-kcp", "ControlPlaneComponentsHealthy", "True", "")
		}, "4.3.0", "control-plane-unhealthy", "EtcdClusterHealthy: no condition EtcdClusterHealthy"},
		{"a node that is not Ready", func(e *estate) {
			set(e.workload.Find("Node", "m-05"), "status/conditions", []any{map[string]any{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown"}})
		}, "4.3.0", "nodes-not-ready", "node m-05 is not Ready: NodeStatusUnknown"},
		{"a machine config pool without a free slot", func(e *estate) {
			set(e.management.Find("VSphereMachineTemplate", "prod-a-control-plane"), "spec/template/spec/machineConfigPoolRef", map[string]any{"name": "cp"})
			e.put(e.management, "VSphereMachineConfigPool", "cp", `{"spec":{"configs":[{},{},{}]},"status":{"configStatuses":[{"state":"InUse"},{"state":"InUse"},{"state":"InUse"}]}}`)
		}, "4.3.0", "machine-config-pool-full", "machine config pool cp has 0 free slots, prod-a-kcp adds up to 1 machines at a time"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := newEstate()
			tt.spoil(e)
			err := upgrade(t, &dsltest.Host{Site: e}, tt.target)
			var refusal *dsl.Refusal
			if !errors.As(err, &refusal) {
				t.Fatalf("got %v, want a refusal", err)
			}
			if refusal.Code != tt.code || !strings.Contains(refusal.Message, tt.says) {
				t.Errorf("got %s: %s, want %s: %s", refusal.Code, refusal.Message, tt.code, tt.says)
			}
			if !strings.HasSuffix(refusal.Pos.File, "scenarios/vsphere/upgrade.star") {
				t.Errorf("got position %s, want one in the runbook", refusal.Pos)
			}
			if len(e.management.Writes) != 0 {
				t.Errorf("got writes %q, want none", e.management.Writes)
			}
		})
	}
}

func TestAPoolIsNoMatterWhenMachinesAreRemovedFirst(t *testing.T) {
	e := newEstate()
	set(e.management.Find("VSphereMachineTemplate", "prod-a-control-plane"), "spec/template/spec/machineConfigPoolRef", map[string]any{"name": "cp"})
	e.put(e.management, "VSphereMachineConfigPool", "cp", `{"spec":{"configs":[{}]},"status":{"configStatuses":[{"state":"InUse"}]}}`)
	set(e.management.Find("KubeadmControlPlane", "prod-a-kcp"), "spec/rolloutStrategy/rollingUpdate/maxSurge", int64(0))
	if err := upgrade(t, &dsltest.Host{Site: e, Tick: e.tick}, "4.3.0"); err != nil {
		t.Error(diag.Text(err))
	}
}

func TestATemplateOfAnotherContentIsNotTaken(t *testing.T) {
	e := newEstate()
	e.put(e.management, "VSphereMachineTemplate", "prod-a-md-0-v1.34.5", `{"spec":{"template":{"spec":{"template":"`+newImage+`","numCPUs":2}}}}`)
	err := upgrade(t, &dsltest.Host{Site: e, Tick: e.tick}, "4.3.0")
	var refusal *dsl.Refusal
	if !errors.As(err, &refusal) || refusal.Code != "template-name-taken" {
		t.Errorf("got %v, want template-name-taken", err)
	}
}

func TestTargetsComeFromTheMatrix(t *testing.T) {
	rb, err := dsl.Loader{}.Runbook(upgradeFile)
	if err != nil {
		t.Fatal(diag.Text(err))
	}
	_, err = rb.Bind(map[string]string{"cluster": "prod-a", "target": "4.3.9"})
	if !diag.Invalid(err) || diag.All(err)[0].Hints[0] != `did you mean "4.3.0"?` {
		t.Errorf("got %v, want the parameter refused with a suggestion", err)
	}
}
