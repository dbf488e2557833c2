package rehearsal_test

import (
	"strings"
	"testing"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

// TestImagesThatAreMissingHoldTheUpgradeUpUntilTheyAreThere: etcd's keeps the new control-plane machine from joining,
// CoreDNS's keeps the add-on from being upgraded.
func TestImagesThatAreMissingHoldTheUpgradeUpUntilTheyAreThere(t *testing.T) {
	res, said := rehearse(t, small(t, 1, 1), "image-missing:image=etcd,when=at:control-plane,heal=time:1m", "image-missing:when=at:control-plane,heal=time:9m")
	if res.Verdict != journal.Pass {
		t.Errorf("verdict: got %s (%s), want pass", res.Verdict, res.Message)
	}
	for i, want := range []string{"registry: tkestack/etcd:v3.", "registry: tkestack/coredns:1."} {
		f := res.Run.Faults[i]
		if f.Fired == nil || f.Healed == nil {
			t.Fatalf("fault %d: got fired %v, healed %v, want both", i, f.Fired, f.Healed)
		}
		if !strings.HasPrefix(f.Fired.Target, want) || !strings.HasSuffix(f.Fired.Target, " is missing") {
			t.Errorf("target %d: got %q, want %s… is missing", i, f.Fired.Target, want)
		}
	}
	for _, want := range []string{"Waiting for a Node", "coredns: 2 of 2 updated, 0 available"} {
		if !strings.Contains(said, want) {
			t.Errorf("symptom %q: not in what the waits said:\n%s", want, said)
		}
	}
}
