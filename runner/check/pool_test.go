package check

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

func TestAPoolIsReadWithTheStatesOfItsSlots(t *testing.T) {
	type m = map[string]any
	o := &object{Object: m{
		"metadata": m{"name": "cp"},
		"spec": m{"clusterRef": m{"name": "prod-b"}, "configs": []any{
			m{"hostname": "cp-1", "persistentDisks": []any{m{"name": "var-lib-etcd", "volumePath": "[ds] a.vmdk", "diskUUID": "u-1"}}},
			m{"hostname": "cp-2"},
		}},
		"status": m{
			"consumerRef": m{"kind": "KubeadmControlPlane", "name": "prod-b-control-plane"},
			"configStatuses": []any{
				m{"hostname": "cp-1", "state": "InUse", "machineRef": m{"name": "a"}},
				m{"hostname": "taken-out", "state": "InUse", "machineRef": m{"name": "b"}},
				m{"hostname": "taken-out-and-free", "state": "Available"},
			},
		},
	}}
	want := journal.Pool{Cluster: "prod-b", Name: "cp", Consumer: "KubeadmControlPlane prod-b-control-plane", Total: 2,
		Slots: []journal.PoolSlot{
			{Hostname: "cp-1", State: "InUse", Machine: "a",
				Disks: []journal.PoolDisk{{Name: "var-lib-etcd", Path: "[ds] a.vmdk", UUID: "u-1"}}},
			{Hostname: "cp-2", State: "Available"},
			{Hostname: "taken-out", State: "InUse", Machine: "b"},
		}}
	if diff := cmp.Diff(journal.Body(want), poolOf(o)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
