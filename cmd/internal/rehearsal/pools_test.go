package rehearsal_test

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rehearse-dev/rehearse/cmd/internal/rehearsal"
	"github.com/rehearse-dev/rehearse/runner"
	"github.com/rehearse-dev/rehearse/runner/journal"
)

// TestDisksFollowTheirSlots upgrades a cluster with machine config pools: every machine is another one, on the disks of
// the one before it.
func TestDisksFollowTheirSlots(t *testing.T) {
	var first, last = map[string]string{}, map[string]string{} // "hostname/disk" to UUID and VMs
	machines := map[string]map[string]bool{}                   // that had a slot
	where := map[string]journal.Disk{}
	res, _ := conduct(t, rehearsal.Config{Runbook: filepath.Join(vsphere, "upgrade.star"), World: filepath.Join(vsphere, "prod-b.world.star"), Snapshot: warm,
		Params: map[string]string{"cluster": "prod-b", "target": "4.3.0"}}, func(b journal.Body) {
		switch b := b.(type) {
		case *journal.Disk:
			where[b.Path] = *b
		case *journal.Pool:
			for _, s := range b.Slots {
				if s.State == journal.SlotInUse && machines[s.Hostname] == nil {
					machines[s.Hostname] = map[string]bool{}
				}
				for _, d := range s.Disks {
					if id := s.Hostname + "/" + d.Name; d.UUID != "" {
						last[id] = d.UUID
						if first[id] == "" {
							first[id] = d.UUID
						}
					}
				}
				if s.State == journal.SlotInUse {
					machines[s.Hostname][s.Machine] = true
				}
			}
		}
	})
	if res.Verdict != journal.Pass || res.ExitCode != runner.ExitPass {
		t.Fatalf("got %s, exit %d: %s", res.Verdict, res.ExitCode, res.Message)
	}
	if len(first) != 3*3+2*2 || !maps.Equal(first, last) {
		t.Errorf("disks: got %v, want the 13 that there were: %v", last, first)
	}
	want := []string{"prod-b-cp-1", "prod-b-cp-2", "prod-b-cp-3", "prod-b-w-1", "prod-b-w-2"}
	if got := slices.Sorted(maps.Keys(machines)); !slices.Equal(got, want) {
		t.Errorf("slots: got %v, want %v", got, want)
	}
	for slot, had := range machines {
		if len(had) != 2 {
			t.Errorf("slot %s: got machines %v, want the old and the new one", slot, slices.Sorted(maps.Keys(had)))
		}
	}
	for _, m := range res.Run.Machines() {
		if m.Phase != journal.PhaseDeleted && (!m.Ready || !strings.HasPrefix(m.Node, "prod-b-")) {
			t.Errorf("machine %s: node %q, ready %v", m.Name, m.Node, m.Ready)
		}
	}
	if len(where) != 13 {
		t.Errorf("vCenter: got %d disks, want 13", len(where))
	}
	for path, d := range where {
		if len(d.VMs) != 1 {
			t.Errorf("disk %s: on %v, want one VM", path, d.VMs)
		}
	}
}

// TestPoolFaultsShowTheirSymptomsAndTheRunCompletesOnceTheyAreHealed has them all in one run: each is felt, and healed.
func TestPoolFaultsShowTheirSymptomsAndTheRunCompletesOnceTheyAreHealed(t *testing.T) {
	faults := []struct{ spec, target string }{
		{"slot-orphaned:role=prod-b-md-0,when=at:kube-ovn", "pool prod-b-md-0: slot prod-b-w-3 is in use by a machine that does not exist"},
		{"disk-still-attached:when=at:kube-ovn,heal=time:5m", "/var-cpaas.vmdk: attached to backup-proxy"},
		{"pool-exhausted:when=call:patch:KubeadmControlPlane/1,heal=time:2m", "no available slots in pool cpaas-system/prod-b-control-plane matching datacenter \"dc-1\""},
		{"pool-bound:role=prod-b-md-0,when=machine:prod-b-md-0/1,heal=time:2m", "machine config pool cpaas-system/prod-b-md-0 is bound to MachineDeployment cpaas-system/elsewhere"},
	}
	c := rehearsal.Config{Runbook: filepath.Join(vsphere, "upgrade.star"), World: filepath.Join(vsphere, "prod-b.world.star"), Snapshot: warm,
		Params: map[string]string{"cluster": "prod-b", "target": "4.3.0"}}
	for _, f := range faults {
		c.Faults = append(c.Faults, f.spec)
	}
	states := map[string][]string{} // of slots, in their order
	held := ""                      // the state of the slot whose disk is grabbed, when it is given back
	res, said := conduct(t, c, func(b journal.Body) {
		switch b := b.(type) {
		case *journal.Pool:
			for _, s := range b.Slots {
				if l := states[s.Hostname]; len(l) == 0 || l[len(l)-1] != s.State {
					states[s.Hostname] = append(l, s.State)
				}
			}
		case *journal.FaultHealed:
			_, file, grabbed := strings.Cut(b.Target, "prod-b-control-plane-")
			slot, _, _ := strings.Cut(file, "/")
			if l := states[slot]; grabbed && len(l) > 0 {
				held = l[len(l)-1]
			}
		}
	})
	if res.Verdict != journal.Pass {
		last := res.Run.Steps[len(res.Run.Steps)-1]
		t.Errorf("verdict: got %s (%s) at %s %+v, want pass", res.Verdict, res.Message, last.ID, last.End)
	}
	for i, f := range faults {
		got := res.Run.Faults[i]
		if got.Fired == nil || !strings.Contains(got.Fired.Target, f.target) {
			t.Errorf("%s: got fired %v, want %q", f.spec, got.Fired, f.target)
		}
		if strings.Contains(f.spec, "heal=") && got.Healed == nil {
			t.Errorf("%s: it was not healed", f.spec)
		}
	}
	if held != "InUse" {
		t.Errorf("the slot whose disk was grabbed, when it was given back: got %q, want it in use", held)
	}
	if want := "Deleting, Waiting for VSphereMachine to be deleted"; !strings.Contains(said, want) {
		t.Errorf("symptom %q: not in what the waits said:\n%s", want, said)
	}
	if got := states["prod-b-w-3"]; !slices.Equal(got, []string{"Available", "InUse", "Released"}) {
		t.Errorf("the orphaned slot: got %v, want it released by itself", got)
	}
	if got := states["prod-b-cp-3-x4"]; !slices.Contains(got, "InUse") {
		t.Errorf("the slot that was added: got %v, want it in use", got)
	}
}
