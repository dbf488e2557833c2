package stdlib_test

import (
	"errors"
	"fmt"
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
		"note: a rollback would take the CoreDNS tag back from 1.14.2-v4.3.4 to 1.12.4-v4.2.8: the webhook lets it only if " +
			"the control plane leaves CoreDNS alone, so the undo says that too, and CoreDNS stays as it is then",
		"step templates: done",
		"gate start: Replace 3 control-plane and 5 worker VMs of prod-a, one after another, to run Kubernetes v1.34.5 " +
			"and move Kube-OVN of prod-a from v4.2.26 to v4.3.3? Its workloads and add-ons must run on that.",
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
	const meanwhile = "KubeadmControlPlane prod-a-kcp: its last edit is not observed yet" // the control plane's own
	texts := []string{
		"cni-kube-ovn is still asked for v4.2.26, not v4.3.3; " + meanwhile,
		"cni-kube-ovn: Upgrading, v4.2.26 installed; " + meanwhile,
		"cni-kube-ovn: HealthChecking, v4.3.3 installed; " + meanwhile,
	}
	if diff := cmp.Diff(host.Texts["kube-ovn-delivered"], texts); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}

func TestAFailedDeliveryIsToldAlone(t *testing.T) {
	e := newEstate()
	ticks := 0
	host := &dsltest.Host{Site: e, Tick: func(wait string) {
		if wait == "kube-ovn-delivered" {
			if ticks++; ticks == 1 {
				e.release("v4.3.3", "v4.2.26", "DownloadFailed")
				return
			} else if ticks == 2 {
				e.release("v4.3.3", "v4.2.26", "Upgrading")
				return
			}
		}
		e.tick(wait)
	}}
	if err := upgrade(t, host, "4.3.0"); err != nil {
		t.Fatal(diag.Text(err))
	}
	for _, text := range host.Texts["kube-ovn-delivered"] {
		failed, rollout := strings.Contains(text, "DownloadFailed, needs a person"), strings.Contains(text, "KubeadmControlPlane")
		if failed == rollout {
			t.Errorf("got %q, want the rollout of the control plane told unless the release has failed", text)
		}
	}
	if len(host.Texts["kube-ovn-delivered"]) < 3 {
		t.Errorf("got %q, want the failure among the texts", host.Texts["kube-ovn-delivered"])
	}
}

func TestWaitsGrowWithTheMachines(t *testing.T) {
	e := newEstate()
	host := &dsltest.Host{Site: e, Tick: e.tick}
	if err := upgrade(t, host, "4.3.0"); err != nil {
		t.Fatal(diag.Text(err))
	}
	var got []string
	for _, w := range host.Waits {
		got = append(got, fmt.Sprintf("%s: %s, stuck after %s", w.ID, w.Timeout, w.StuckAfter))
	}
	want := []string{
		"kube-ovn-delivered: 1h40m0s, stuck after 18m0s",
		"control-plane-rolled: 3h0m0s, stuck after 25m0s",
		"workers-prod-a-md-0-rolled: 3h0m0s, stuck after 30m0s",
		"workers-prod-a-md-1-rolled: 2h20m0s, stuck after 30m0s",
		"verified: 30m0s, stuck after 10m0s",
	}
	if diff := cmp.Diff(got, want); diff != "" {
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
		"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"template": newImage, "datacenter": "dc-1", "numCPUs": int64(8)}}},
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
	e.management.Writes = nil
	host.Undo(t)
	if diff := cmp.Diff(specs(), before); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	order := []string{ // 000_d64b8bff74bf7917.txt, Rolling Back a Failed Upgrade
		"patch KubeadmControlPlane cpaas-system/prod-a-kcp",
		"patch MachineDeployment cpaas-system/prod-a-md-1",
		"patch MachineDeployment cpaas-system/prod-a-md-0",
		"patch Cluster cpaas-system/prod-a",
	}
	if diff := cmp.Diff(e.management.Writes, order); diff != "" {
		t.Errorf("order of the undo (-got +want):\n%s", diff)
	}
}

func TestEachEditOfMachinesAsksForHealthAgain(t *testing.T) {
	for _, tt := range []struct {
		step, code string
		spoil      func(*estate)
	}{
		{"control-plane", "control-plane-unhealthy", func(e *estate) {
			set(e.management.Find("KubeadmControlPlane", "prod-a-kcp"), "status/readyReplicas", int64(2))
		}},
		{"workers-prod-a-md-0", "nodes-not-ready", func(e *estate) {
			set(e.workload.Find("Node", "m-07"), "status/conditions", []any{map[string]any{"type": "Ready", "status": "False"}})
		}},
		{"workers-prod-a-md-1", "cluster-paused", func(e *estate) { set(e.management.Find("Cluster", "prod-a"), "spec/paused", true) }},
	} {
		t.Run(tt.step, func(t *testing.T) {
			e := newEstate()
			writes := 0
			err := upgrade(t, &dsltest.Host{Site: e, Tick: e.tick, Meet: func(id string) {
				if id == tt.step {
					tt.spoil(e)
					writes = len(e.management.Writes)
				}
			}}, "4.3.0")
			var refusal *dsl.Refusal
			if !errors.As(err, &refusal) || refusal.Code != tt.code {
				t.Errorf("got %v, want a refusal with %s", err, tt.code)
			}
			if got := e.management.Writes[writes:]; len(got) > 0 {
				t.Errorf("got writes %q in the step, want none", got)
			}
		})
	}
}

func TestVerificationAsksForEverythingAgain(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(*estate)
		says  string
	}{
		{"a control plane that lost a machine", func(e *estate) {
			set(e.management.Find("KubeadmControlPlane", "prod-a-kcp"), "status/readyReplicas", int64(2))
		}, "KubeadmControlPlane prod-a-kcp: 3 of 3 machines updated; readyReplicas is 2, want 3"},
		{"workers that lost a machine", func(e *estate) {
			set(e.management.Find("MachineDeployment", "prod-a-md-0"), "status/availableReplicas", int64(2))
		}, "MachineDeployment prod-a-md-0: 3 of 3 machines updated; availableReplicas is 2, want 3"},
		{"an etcd that is sick", func(e *estate) {
			conditions(e, "KubeadmControlPlane", "prod-a-kcp", [4]string{"Available", "True", "", ""},
				[4]string{"ControlPlaneComponentsHealthy", "True", "", ""}, [4]string{"EtcdClusterHealthy", "False", "", "Etcd alarm NOSPACE"})
		}, "KubeadmControlPlane prod-a-kcp: 3 of 3 machines updated; etcd: Etcd alarm NOSPACE"},
		{"a node that is gone", func(e *estate) { delete(e.workload.Objects, "Node m-09") }, "7 nodes, want 8"},
		{"a Kube-OVN whose pods crash now", func(e *estate) { e.release("v4.3.3", "v4.3.3", "NotReady") },
			"cni-kube-ovn: NotReady, needs a person"},
		{"a CoreDNS that is gone", func(e *estate) { delete(e.workload.Objects, "Deployment kube-system/coredns") },
			"there is no Deployment kube-system/coredns"},
		{"a kube-proxy that is gone", func(e *estate) { delete(e.workload.Objects, "DaemonSet kube-system/kube-proxy") },
			"there is no DaemonSet kube-system/kube-proxy"},
		{"a control plane that somebody scaled", func(e *estate) {
			set(e.management.Find("KubeadmControlPlane", "prod-a-kcp"), "spec/replicas", int64(5))
		}, "3 etcd pods, want 5"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := newEstate()
			err := upgrade(t, &dsltest.Host{Site: e, Tick: e.tick, Polls: 10, Meet: func(id string) {
				if id == "verified" {
					tt.spoil(e)
				}
			}}, "4.3.0")
			var stopped *dsltest.Stopped
			if !errors.As(err, &stopped) || stopped.Wait != "verified" || !strings.Contains(stopped.Poll.Text, tt.says) {
				t.Errorf("got %v, want verified to wait for %q", err, tt.says)
			}
		})
	}
}

func TestKubeOVNAloneIsAskedForToo(t *testing.T) {
	e := newEstate()
	if err := upgrade(t, &dsltest.Host{Site: e, Tick: e.tick}, "4.3.0"); err != nil {
		t.Fatal(diag.Text(err))
	}
	annotations := e.management.Find("Cluster", "prod-a")["metadata"].(map[string]any)["annotations"].(map[string]any)
	annotations["cpaas.io/kube-ovn-version"] = "v4.2.26"
	e.release("v4.2.26", "v4.2.26", "Success")
	host := &dsltest.Host{Site: e, Tick: e.tick, Deny: map[string]error{"start": errors.New("not tonight")}}
	if err := upgrade(t, host, "4.3.0"); err == nil || !strings.Contains(strings.Join(host.Log, "\n"),
		"gate start: Move Kube-OVN of prod-a from v4.2.26 to v4.3.3? Its workloads and add-ons must run on that.") {
		t.Errorf("got %v after %q, want the gate", err, host.Log)
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
