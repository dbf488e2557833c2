package stdlib_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.starlark.net/syntax"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/dsl/diag"
	"github.com/rehearse-dev/rehearse/dsl/dsltest"
)

func TestPreflightRefuses(t *testing.T) {
	condition := func(e *estate, kind, name, condition, status, message string) {
		set(e.management.Find(kind, name), "status/v1beta2/conditions", []any{
			map[string]any{"type": condition, "status": status, "message": message}})
	}
	const pooled = `{"spec":{"configs":[{},{},{}]},"status":{"configStatuses":[{"state":"InUse"},{"state":"InUse"},{"state":"InUse"}]}}`
	pool := func(e *estate, template, content string) {
		set(e.management.Find("VSphereMachineTemplate", template), "spec/template/spec/machineConfigPoolRef", map[string]any{"name": "pool"})
		if content != "" {
			e.put(e.management, "VSphereMachineConfigPool", "pool", content)
		}
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
		{"a provider whose controllers are not there", func(e *estate) {
			delete(e.management.Objects, "Deployment cpaas-system/capv-controller-manager")
		}, "4.3.0", "management-controllers-not-ready", "no Deployment with label cluster.x-k8s.io/provider=infrastructure-vsphere"},
		{"a platform on its way", func(e *estate) {
			set(e.management.Find("ClusterVersionShadow", "global"), "status/current/version", "v4.2.4")
		}, "4.3.0", "platform-not-complete", "the distribution upgrade of global is not complete: distribution is at v4.2.4"},
		{"a platform below the target", func(e *estate) {
			for _, which := range []string{"current", "desired"} {
				set(e.management.Find("ClusterVersionShadow", "global"), "status/"+which+"/version", "v4.2.4")
			}
		}, "4.3.0", "platform-behind", "global is at distribution version v4.2.4, below 4.3.0"},
		{"a distribution on its way", func(e *estate) {
			set(e.management.Find("ClusterVersionShadow", "prod-a"), "status/current/version", "v4.2.4")
		}, "4.3.0", "distribution-not-complete", "distribution is at v4.2.4 and on its way to v4.3.0"},
		{"a distribution that nobody knows", func(e *estate) { delete(e.management.Objects, "ClusterVersionShadow cpaas-system/prod-a") },
			"4.3.0", "distribution-not-complete", "no ClusterVersionShadow cpaas-system/prod-a"},
		{"a distribution below the target", func(e *estate) {
			for _, which := range []string{"current", "desired"} {
				set(e.management.Find("ClusterVersionShadow", "global"), "status/"+which+"/version", "v4.3.1")
			}
		}, "4.3.1", "distribution-behind", "prod-a is at distribution version v4.3.0, below 4.3.1"},
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
		{"a VM template in another datacenter", func(e *estate) { e.Vms[1].Path = "/dc-2/vm/" + newImage },
			"4.3.0", "vsphere-template-missing", "is missing in vCenter, datacenter dc-1"},
		{"a VM template in two folders", func(e *estate) {
			e.Vms = append(e.Vms, dsl.VM{Name: newImage, Path: "/dc-1/vm/old/" + newImage, Template: true})
		}, "4.3.0", "vsphere-template-ambiguous", "is not one VM in vCenter, datacenter dc-1: /dc-1/vm/" + newImage + ", /dc-1/vm/old/" + newImage},
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
		{"an etcd that has ended since the control plane was looked at", func(e *estate) {
			set(e.workload.Find("Pod", "etcd-m-01"), "status/conditions", []any{map[string]any{"type": "Ready", "status": "False", "reason": "ContainersNotReady"}})
		}, "4.3.0", "control-plane-unhealthy", "etcd-m-01 is not Ready: ContainersNotReady"},
		{"a node that is not Ready", func(e *estate) {
			set(e.workload.Find("Node", "m-05"), "status/conditions", []any{map[string]any{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown"}})
		}, "4.3.0", "nodes-not-ready", "node m-05 is not Ready: NodeStatusUnknown"},
		{"a control-plane machine that is not ready", func(e *estate) {
			set(e.management.Find("KubeadmControlPlane", "prod-a-kcp"), "status/readyReplicas", int64(2))
		}, "4.3.0", "control-plane-unhealthy", "2 of 3 control-plane machines are ready"},
		{"a worker that is not ready", func(e *estate) {
			set(e.management.Find("MachineDeployment", "prod-a-md-1"), "status/readyReplicas", int64(1))
		}, "4.3.0", "workers-not-ready", "MachineDeployment prod-a-md-1: readyReplicas is 1, want 2"},
		{"a worker that is not available", func(e *estate) {
			set(e.management.Find("MachineDeployment", "prod-a-md-1"), "status/availableReplicas", int64(1))
		}, "4.3.0", "workers-not-ready", "MachineDeployment prod-a-md-1: availableReplicas is 1, want 2"},
		{"a machine without a node", func(e *estate) { delete(e.workload.Objects, "Node m-05") },
			"4.3.0", "nodes-not-ready", "7 nodes, want 8"},
		{"workers that are replaced when somebody deletes them", func(e *estate) {
			set(e.management.Find("MachineDeployment", "prod-a-md-1"), "spec/strategy/type", "OnDelete")
		}, "4.3.0", "rollout-on-delete", "MachineDeployment prod-a-md-1 has the rollout strategy OnDelete"},
		{"a machine config pool that does not exist", func(e *estate) { pool(e, "prod-a-control-plane", "") },
			"4.3.0", "machine-config-pool-missing", "KubeadmControlPlane prod-a-kcp uses machine config pool pool, which does not exist"},
		{"a machine config pool without a free slot", func(e *estate) { pool(e, "prod-a-control-plane", pooled) },
			"4.3.0", "machine-config-pool-full", "machine config pool pool has 0 free slots, KubeadmControlPlane prod-a-kcp adds up to 1 machines at a time"},
		{"a machine config pool and a surge that is given as text", func(e *estate) {
			pool(e, "prod-a-md-0", `{"spec":{"configs":[{},{},{},{}]},"status":{"configStatuses":[{"state":"InUse"},{"state":"InUse"},{"state":"InUse"}]}}`)
			set(e.management.Find("MachineDeployment", "prod-a-md-0"), "spec/strategy/rollingUpdate/maxSurge", "2")
		}, "4.3.0", "machine-config-pool-full", "has 1 free slots, MachineDeployment prod-a-md-0 adds up to 2 machines at a time"},
		{"a machine config pool with two slots of one name", func(e *estate) {
			pool(e, "prod-a-control-plane", `{"spec":{"configs":[{"hostname":"cp-1"},{"hostname":"cp-2"},{"hostname":"cp-1"}]}}`)
		}, "4.3.0", "machine-config-pool-not-unique", "machine config pool pool of KubeadmControlPlane prod-a-kcp has two slots with the hostname cp-1"},
		{"a machine config pool with two slots of one address", func(e *estate) {
			pool(e, "prod-a-control-plane", `{"spec":{"configs":[{"hostname":"cp-1","network":{"primary":{"ip":"10.0.0.1/24"}}},
				{"hostname":"cp-2","network":{"primary":{"ip":"10.0.0.2/24"},"additional":[{"ip":"10.0.0.1/16"}]}}]}}`)
		}, "4.3.0", "machine-config-pool-not-unique", "has two slots with the IP address 10.0.0.1"},
		{"a machine config pool of somebody else", func(e *estate) {
			pool(e, "prod-a-control-plane", `{"spec":{"configs":[{},{},{},{}]},"status":{"consumerRef":{"kind":"MachineDeployment","name":"other"}}}`)
		}, "4.3.0", "machine-config-pool-taken", "machine config pool pool of KubeadmControlPlane prod-a-kcp is bound to MachineDeployment other"},
		{"disks that stay and a surge that takes another slot", func(e *estate) {
			pool(e, "prod-a-control-plane", `{"spec":{"configs":[{},{},{},{"persistentDisks":[{"name":"var-cpaas","sizeGiB":100}]}]},
				"status":{"consumerRef":{"kind":"KubeadmControlPlane","name":"prod-a-kcp"}}}`)
		}, "4.3.0", "persistent-disks-need-surge-0", "machine config pool pool has persistent disks, and KubeadmControlPlane prod-a-kcp adds before it removes"},
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
			if !strings.HasSuffix(refusal.Pos.File, "scenarios/vsphere/preflight.star") {
				t.Errorf("got position %s, want one in the runbook", refusal.Pos)
			}
			if refusal.Fix == "" || refusal.Doc == "" {
				t.Errorf("got fix %q and doc %q, want both", refusal.Fix, refusal.Doc)
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
	e.put(e.management, "VSphereMachineConfigPool", "cp", pooled("u-1"))
	set(e.management.Find("KubeadmControlPlane", "prod-a-kcp"), "spec/rolloutStrategy/rollingUpdate/maxSurge", int64(0))
	if err := upgrade(t, &dsltest.Host{Site: e, Tick: e.tick}, "4.3.0"); err != nil {
		t.Error(diag.Text(err))
	}
}

// TestEveryRefusalSaysWhatToDoAndWhere reads the requirements of the runbook and of the library.
func TestEveryRefusalSaysWhatToDoAndWhere(t *testing.T) {
	library, err := filepath.Glob("*.star")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(library, upgradeFile, filepath.Join(filepath.Dir(upgradeFile), "preflight.star")) {
		f, err := syntax.Parse(file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		syntax.Walk(f, func(n syntax.Node) bool {
			call, ok := n.(*syntax.CallExpr)
			if !ok {
				return true
			}
			if name, ok := call.Fn.(*syntax.Ident); !ok || name.Name != "require" {
				return true
			}
			for _, want := range []string{"code", "fix", "doc"} {
				if !slices.ContainsFunc(call.Args, func(arg syntax.Expr) bool {
					pair, ok := arg.(*syntax.BinaryExpr)
					return ok && pair.Op == syntax.EQ && pair.X.(*syntax.Ident).Name == want
				}) {
					t.Errorf("%s: this requirement has no %s", call.Lparen, want)
				}
			}
			return true
		})
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

// pooled is a pool with three slots in use, each with one disk.
func pooled(uuid string) string {
	var configs, states []string
	for i := range 3 {
		configs = append(configs, fmt.Sprintf(`{"hostname":"cp-%d","persistentDisks":[{"name":"var-cpaas","diskUUID":%q}]}`, i, uuid))
		states = append(states, fmt.Sprintf(`{"hostname":"cp-%d","state":"InUse"}`, i))
	}
	return fmt.Sprintf(`{"spec":{"configs":[%s]},"status":{"configStatuses":[%s]}}`, strings.Join(configs, ","), strings.Join(states, ","))
}
