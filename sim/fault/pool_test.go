package fault

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestASlotIsAddedAfterTheLastOneUnlessOneIsFree(t *testing.T) {
	type m = map[string]any
	full := func() m {
		return m{
			"spec": m{"configs": []any{m{"hostname": "cp-1", "network": m{"primary": m{"ip": "10.0.0.11/24"}},
				"persistentDisks": []any{m{"name": "etcd", "volumePath": "[ds] a.vmdk", "diskUUID": "u-1"}}}}},
			"status": m{"configStatuses": []any{m{"hostname": "cp-1", "state": "InUse"}}},
		}
	}
	pool := full()
	if err := addSlot(pool); err != nil {
		t.Fatal(err)
	}
	want := full()
	want["spec"] = m{"configs": append(want["spec"].(m)["configs"].([]any), m{"hostname": "cp-1-x2",
		"network": m{"primary": m{"ip": "10.0.0.12/24"}}, "persistentDisks": []any{m{"name": "etcd"}}})}
	if diff := cmp.Diff(want, pool); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := freeSlot(pool); got != "cp-1-x2" {
		t.Errorf("free: got %q", got)
	}
	before := cmp.Diff(m{}, pool)
	if err := addSlot(pool); err != nil || cmp.Diff(m{}, pool) != before {
		t.Errorf("a pool with a free slot was given another one (%v)", err)
	}
	for _, state := range []string{"InUse", "Released"} {
		pool = full()
		pool["status"] = m{"configStatuses": []any{m{"hostname": "cp-1", "state": state}}}
		if got := freeSlot(pool); got != "" {
			t.Errorf("%s: got %q free", state, got)
		}
	}
	if err := addSlot(m{}); err == nil || err.Error() != "spec.configs: got no slot, want one to make another after" {
		t.Errorf("a pool without slots: got %v", err)
	}
}

func TestAnAddedSlotGetsAnAddressThatNoOtherHas(t *testing.T) {
	type m = map[string]any
	slot := func(ip string) any {
		return m{"hostname": ip, "network": m{"primary": m{"ip": ip + "/24"}}}
	}
	pool := m{"spec": m{"configs": []any{slot("10.0.0.12"), slot("10.0.0.13"), slot("10.0.0.11")}}, "status": m{"configStatuses": []any{
		m{"hostname": "10.0.0.11", "state": "InUse"}, m{"hostname": "10.0.0.12", "state": "InUse"}, m{"hostname": "10.0.0.13", "state": "InUse"}}}}
	if err := addSlot(pool); err != nil {
		t.Fatal(err)
	}
	added := slotsOf(pool, "spec", "configs")[3]
	if got := added["network"].(m)["primary"].(m)["ip"]; got != "10.0.0.14/24" {
		t.Errorf("got %v, want 10.0.0.14/24", got)
	}
}

func TestASlotThatRepeatsAnotherGetsItsOwnAgain(t *testing.T) {
	type m = map[string]any
	slot := func(hostname, ip string) m {
		return m{"hostname": hostname, "network": m{"primary": m{"ip": ip}}}
	}
	first, last := slot("cp-1", "10.0.0.11/24"), slot("cp-2", "10.0.0.12/24")
	for _, tt := range []struct {
		path             []string
		repeated, parted m
	}{
		{[]string{"hostname"}, slot("cp-2", "10.0.0.13/24"), slot("cp-2-x3", "10.0.0.13/24")},
		{slotAddress, slot("cp-2-x3", "10.0.0.12/24"), slot("cp-2-x3", "10.0.0.13/24")},
	} {
		pool := m{"spec": m{"configs": []any{first, last}}}
		d := duplicateOf{path: tt.path}
		for _, step := range []struct {
			do   func(map[string]any) error
			want m
		}{{d.add, tt.repeated}, {d.part, tt.parted}, {d.part, tt.parted}} { // the last one: somebody has mended it
			if err := step.do(pool); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(m{"spec": m{"configs": []any{first, last, step.want}}}, pool); diff != "" {
				t.Errorf("%v (-want +got):\n%s", tt.path, diff)
			}
		}
	}
	d := duplicateOf{path: slotAddress}
	err := d.add(m{"spec": m{"configs": []any{m{"hostname": "cp-1"}}}})
	if err == nil || err.Error() != "slot cp-1: got none of [network primary ip], want one to repeat" {
		t.Errorf("a pool whose machines ask DHCP: got %v", err)
	}
}

// A surge that frees a slot at the same time would exhaust nothing.
func TestAnOwnerSurgesBeforeItRemovesAMachine(t *testing.T) {
	type m = map[string]any
	for _, c := range []struct {
		kind, strategy string
		before, want   m
	}{
		{"KubeadmControlPlane", "rolloutStrategy", m{"maxSurge": int64(0)}, m{"maxSurge": int64(1)}},
		{"MachineDeployment", "strategy", m{"maxSurge": int64(0), "maxUnavailable": int64(1)}, m{"maxSurge": int64(1), "maxUnavailable": int64(0)}},
	} {
		o := &unstructured.Unstructured{Object: m{"kind": c.kind, "spec": m{c.strategy: m{"rollingUpdate": c.before}}}}
		if err := surge(o); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(m{c.strategy: m{"rollingUpdate": c.want}}, o.Object["spec"]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.kind, diff)
		}
	}
}

// The state of the pool that is written says which slot is free; a state that was read before may not be true any more.
func TestOnlyASlotThatIsFreeIsOrphaned(t *testing.T) {
	type m = map[string]any
	pool := func(second string) m {
		return m{"spec": m{"configs": []any{m{"hostname": "w-1"}, m{"hostname": "w-2"}}}, "status": m{"configStatuses": []any{
			m{"hostname": "w-1", "state": "InUse"}, m{"hostname": "w-2", "state": second}}}}
	}
	free := pool("Available")
	slot, err := orphan(free, "ns", "gone")
	want := []map[string]any{{"hostname": "w-1", "state": "InUse"},
		{"hostname": "w-2", "state": "InUse", "machineRef": m{"kind": "VSphereMachine", "namespace": "ns", "name": "gone"}}}
	if diff := cmp.Diff(want, slotsOf(free, "status", "configStatuses")); slot != "w-2" || err != nil || diff != "" {
		t.Errorf("got %q, %v and (-want +got):\n%s", slot, err, diff)
	}
	if slot, err := orphan(pool("InUse"), "ns", "gone"); err == nil {
		t.Errorf("a pool without a free slot: got %q, want an error", slot)
	}
}

func TestAPoolIsBoundAgainUnlessSomebodyHasDoneSo(t *testing.T) {
	type m = map[string]any
	bound := func(name string) m { return m{"status": m{"consumerRef": m{"name": name}}} }
	for _, c := range []struct {
		name             string
		pool, mine, want m
	}{
		{"it still is elsewhere", bound(elsewhere), m{"name": "md-0"}, bound("md-0")},
		{"it was bound to nobody", bound(elsewhere), nil, m{"status": m{}}},
		{"somebody has bound it", bound("md-1"), m{"name": "md-0"}, bound("md-1")},
		{"somebody has freed it", m{"status": m{}}, m{"name": "md-0"}, m{"status": m{}}},
	} {
		if err := rebind(c.pool, c.mine); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, c.pool); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}
