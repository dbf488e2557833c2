package configpool_test

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// condition is "status reason message" of one of the pool, "" for none.
func (s *site) condition(kind string) string {
	s.t.Helper()
	l, _, _ := unstructured.NestedSlice(s.pool().Object, "status", "conditions")
	for _, c := range l {
		if c := c.(map[string]any); c["type"] == kind {
			return strings.TrimSpace(strings.ReplaceAll(fmt.Sprint(c["status"], " ", c["reason"], " ", c["message"]), "<nil>", ""))
		}
	}
	return ""
}

// setSlots puts other slots into the pool.
func (s *site) setSlots(slots ...any) {
	s.t.Helper()
	o := s.pool()
	if err := unstructured.SetNestedSlice(o.Object, slots, "spec", "configs"); err != nil {
		s.t.Fatal(err)
	}
	if err := s.client.Update(s.t.Context(), o); err != nil {
		s.t.Fatal(err)
	}
}

func TestAPoolSaysWhatTwoSlotsShare(t *testing.T) {
	slot := func(hostname string, more ...string) map[string]any {
		m := map[string]any{"hostname": hostname}
		if len(more) > 0 {
			additional := []any{}
			for _, ip := range more[1:] {
				additional = append(additional, map[string]any{"networkName": "vlan-2", "ipv6": ip})
			}
			m["network"] = map[string]any{"primary": map[string]any{"networkName": "vlan-1", "ip": more[0]}, "additional": additional}
		}
		return m
	}
	for _, tt := range []struct {
		name  string
		slots []any
		want  string
	}{
		{"nothing", []any{slot("a", "10.0.0.1/24"), slot("b", "10.0.0.2/24")}, ""},
		{"no addresses", []any{slot("a"), slot("b"), slot("c", "")}, ""},
		{"a hostname", []any{slot("a", "10.0.0.1/24"), slot("b"), slot("a", "10.0.0.1/24")}, "False DuplicateHostname hostname a is that of configs[0] and configs[2]"},
		{"an address", []any{slot("a", "10.0.0.1/24"), slot("b", "10.0.0.1/16")}, "False DuplicateIPAddress IP address 10.0.0.1 is that of slots a and b"},
		{"an address of another device", []any{slot("a", "10.0.0.1/24", "fd00::1/64"), slot("b", "", "fd00::1/64")}, "False DuplicateIPAddress IP address fd00::1 is that of slots a and b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, estate)
			s.setSlots(tt.slots...)
			s.reconcile(0)
			if got := s.condition("MembersUnique"); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			s.setSlots(slot("a"))
			s.reconcile(0)
			if got := s.condition("MembersUnique"); tt.want != "" && got != "True" {
				t.Errorf("once they share nothing: got %q, want True", got)
			}
		})
	}
}

// TestASecondSlotOfOneHostnameIsNone: neither room for another machine nor another place for the disks.
func TestASecondSlotOfOneHostnameIsNone(t *testing.T) {
	s := newSite(t, estate)
	slot := func() any {
		return map[string]any{"hostname": "cp-1", "persistentDisks": []any{map[string]any{"name": "var-lib-etcd", "sizeGiB": int64(100)}}}
	}
	second := slot().(map[string]any)
	delete(second, "persistentDisks")
	s.setSlots(slot(), slot(), second)
	s.admit(s.machine("a", "kcp"))
	s.stock.uuids[etcdDisk] = "u-1"
	s.reconcile(0)
	if got := s.slot(); got != "InUse a" {
		t.Errorf("slots: got %q, want one", got)
	}
	configs, _, _ := unstructured.NestedSlice(s.pool().Object, "spec", "configs")
	if got := strings.Count(fmt.Sprint(configs), "u-1"); got != 1 {
		t.Errorf("disk u-1: got %d places, want 1: %v", got, configs)
	}
	err := s.Admit(t.Context(), s.machine("b", "kcp"), true, false)
	if err == nil || !strings.Contains(err.Error(), "no available slots in pool cpaas-system/cp") {
		t.Errorf("a second machine: got %v, want no slot", err)
	}
}
