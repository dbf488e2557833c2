package check

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

func parse(t *testing.T, text string) *object {
	t.Helper()
	o := &object{}
	if err := json.Unmarshal([]byte(text), &o.Object); err != nil {
		t.Fatal(err)
	}
	return o
}

const labels = `"labels":{"cluster.x-k8s.io/cluster-name":"prod-a","cluster.x-k8s.io/control-plane":""}`

func TestMachineOf(t *testing.T) {
	tests := []struct {
		name, object string
		want         journal.Machine
	}{
		{"a new control-plane machine without status",
			`{"metadata":{"name":"a",` + labels + `},"spec":{"version":"v1.34.5"}}`,
			journal.Machine{Cluster: "prod-a", Name: "a", Role: "control-plane", Version: "v1.34.5", Phase: "Pending"}},
		{"a running one of v1beta2", `{"metadata":{"name":"a",` + labels + `},"spec":{"version":"v1.34.5"},
			"status":{"phase":"Running","nodeRef":{"name":"node-a"},"nodeInfo":{"kubeletVersion":"v1.34.5"},"conditions":[
			{"type":"Ready","status":"True"},{"type":"NodeHealthy","status":"True"},
			{"type":"EtcdMemberHealthy","status":"True"},{"type":"EtcdPodHealthy","status":"True"}]}}`,
			journal.Machine{Cluster: "prod-a", Name: "a", Role: "control-plane", Version: "v1.34.5", Kubelet: "v1.34.5",
				Phase: "Running", Ready: true, Node: "node-a", Etcd: &journal.Etcd{Healthy: "True"}}},
		{"one of v1beta1, whose newer conditions count", `{"metadata":{"name":"a",` + labels + `},
			"status":{"phase":"Running","conditions":[{"type":"NodeHealthy","status":"True"}],"v1beta2":{"conditions":[
			{"type":"NodeHealthy","status":"False","message":"Node a is not ready"}]}}}`,
			journal.Machine{Cluster: "prod-a", Name: "a", Role: "control-plane", Phase: "Running",
				Message: "Node a is not ready"}},
		{"one of a site that has only the older conditions", `{"metadata":{"name":"a",` + labels + `},
			"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"},{"type":"NodeHealthy","status":"True"},
			{"type":"EtcdMemberHealthy","status":"False","reason":"EtcdMemberUnhealthy"}]}}`,
			journal.Machine{Cluster: "prod-a", Name: "a", Role: "control-plane", Phase: "Running", Ready: true,
				Etcd: &journal.Etcd{Healthy: "False", Message: "EtcdMemberUnhealthy"}}},
		{"a dead etcd pod tells what the other members hide", `{"metadata":{"name":"a",` + labels + `},
			"status":{"conditions":[{"type":"EtcdMemberHealthy","status":"True"},
			{"type":"EtcdPodHealthy","status":"False","reason":"Failed","message":"CrashLoopBackOff"}]}}`,
			journal.Machine{Cluster: "prod-a", Name: "a", Role: "control-plane", Phase: "Pending",
				Message: "CrashLoopBackOff", Etcd: &journal.Etcd{Healthy: "False", Message: "etcd pod: CrashLoopBackOff"}}},
		{"the first cause is the message", `{"metadata":{"name":"w","labels":{
			"cluster.x-k8s.io/cluster-name":"prod-a","cluster.x-k8s.io/deployment-name":"md-0"}},
			"status":{"phase":"Provisioning","conditions":[{"type":"NodeHealthy","status":"Unknown","message":"Waiting"},
			{"type":"InfrastructureReady","status":"False","message":"* VirtualMachineProvisioned:\n  * template not found"}]}}`,
			journal.Machine{Cluster: "prod-a", Name: "w", Role: "md-0", Phase: "Provisioning",
				Message: "VirtualMachineProvisioned: template not found"}},
		{"a drain that waits", `{"metadata":{"name":"w","deletionTimestamp":"2026-11-21T02:00:00Z"},
			"spec":{"clusterName":"prod-a"},
			"status":{"phase":"Deleting","conditions":[{"type":"Deleting","status":"True","reason":"DrainingNode",
			"message":"Drain not completed yet:\n* Pod default/web: cannot evict pod"}]}}`,
			journal.Machine{Cluster: "prod-a", Name: "w", Phase: "Deleting", Deleting: true,
				Message: "Drain not completed yet: Pod default/web: cannot evict pod"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(journal.Body(tt.want), machineOf(parse(t, tt.object))); diff != "" {
				t.Error("(-want +got):\n" + diff)
			}
		})
	}
}

func TestControlPlaneOfReadsBothVersions(t *testing.T) {
	want := journal.ControlPlane{Cluster: "prod-a", Name: "prod-a", Version: "v1.34.5", Template: "cp-2", Replicas: 3,
		MaxSurge: 0, Current: 4, UpToDate: 1, Available: "False", Message: "one; two"}
	for name, text := range map[string]string{
		"v1beta1": `{"metadata":{"name":"prod-a",` + labels + `},"spec":{"version":"v1.34.5","replicas":3,
			"rolloutStrategy":{"rollingUpdate":{"maxSurge":0}},"machineTemplate":{"infrastructureRef":{"name":"cp-2"}}},
			"status":{"replicas":4,"updatedReplicas":1,"v1beta2":{"conditions":[
			{"type":"Available","status":"False","message":"* one\n* two"}]}}}`,
		"v1beta2": `{"metadata":{"name":"prod-a",` + labels + `},"spec":{"version":"v1.34.5","replicas":3,
			"rollout":{"strategy":{"rollingUpdate":{"maxSurge":"0"}}},
			"machineTemplate":{"spec":{"infrastructureRef":{"name":"cp-2"}}}},
			"status":{"replicas":4,"upToDateReplicas":1,"conditions":[
			{"type":"Available","status":"False","message":"* one\n* two"}]}}`,
	} {
		if diff := cmp.Diff(journal.Body(want), controlPlaneOf(parse(t, text))); diff != "" {
			t.Error(name + " (-want +got):\n" + diff)
		}
	}
}

func TestDefaultsOfAControlPlane(t *testing.T) {
	got := controlPlaneOf(parse(t, `{"metadata":{"name":"x","ownerReferences":[{"kind":"Cluster","name":"prod-b"}]}}`))
	want := journal.ControlPlane{Cluster: "prod-b", Name: "x", Replicas: 1, MaxSurge: 1}
	if diff := cmp.Diff(journal.Body(want), got); diff != "" {
		t.Error("(-want +got):\n" + diff)
	}
}

func TestMachineDeploymentOf(t *testing.T) {
	got := deploymentOf(parse(t, `{"metadata":{"name":"md-0"},"spec":{"clusterName":"prod-a","replicas":2,
		"template":{"spec":{"version":"v1.33.7","infrastructureRef":{"name":"w-1"}}}},
		"status":{"replicas":2,"upToDateReplicas":2}}`))
	want := journal.MachineDeployment{Cluster: "prod-a", Name: "md-0", Version: "v1.33.7", Template: "w-1", Replicas: 2,
		Current: 2, UpToDate: 2}
	if diff := cmp.Diff(journal.Body(want), got); diff != "" {
		t.Error("(-want +got):\n" + diff)
	}
}
