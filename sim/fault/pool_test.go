package fault

import (
	"testing"

	"github.com/google/go-cmp/cmp"
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
	if err := addSlot(m{}); err == nil {
		t.Error("a pool without slots: got no error")
	}
}
