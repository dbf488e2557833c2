package check

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

// asking is the control plane with another version and template.
func asking(version, template string) journal.ControlPlane {
	return journal.ControlPlane{Cluster: "prod-a", Name: "prod-a", Version: version, Template: template, Replicas: 3,
		MaxSurge: 1}
}

func unjoined(m *journal.Machine) { m.Node, m.Ready, m.Phase, m.Etcd = "", false, "Provisioning", nil }

func slotOf(machine string) journal.Pool {
	return journal.Pool{Cluster: "prod-a", Name: "pool-cp", Total: 1, Slots: []journal.PoolSlot{{Hostname: "cp-1",
		State: journal.SlotInUse, Machine: machine, Disks: []journal.PoolDisk{{Name: "var-cpaas", UUID: "u"}}}}}
}

func TestTheWayBack(t *testing.T) {
	begin := func(more ...any) story {
		s := story{asking("v1.33.7", "cp-1"), template("cp-1"), cp("a", "v1.33.7"), cp("b", "v1.33.7"), cp("c", "v1.33.7"),
			slotOf("a"), journal.StepStarted{ID: "control-plane", Kind: journal.StepKindStep}}
		return append(s, more...)
	}
	for _, tt := range []struct {
		name  string
		s     story
		level journal.Level
		why   string
	}{
		{"nothing was done", begin(), journal.Reversible, "the control plane of prod-a is as it was"},
		{"stage 1: the edit alone", begin(asking("v1.34.5", "cp-2")), journal.Reversible,
			"prod-a asks for v1.34.5, and no control-plane machine of it exists yet"},
		{"created and never joined", begin(asking("v1.34.5", "cp-2"), cp("d", "v1.34.5", unjoined)), journal.Reversible,
			"control-plane machine d of v1.34.5 was created and has not joined: it goes first; etcd has 3 of 3 members"},
		{"created in the place of another", begin(asking("v1.34.5", "cp-2"), gone("a"), cp("d", "v1.34.5", unjoined)),
			journal.Reversible, "it goes first; etcd has 2 of 3 members"},
		{"joined", begin(asking("v1.34.5", "cp-2"), cp("d", "v1.34.5")), journal.OneWay,
			"control-plane machine d of v1.34.5 has joined prod-a, which was at v1.33.7"},
		{"joined once, and gone since", begin(cp("d", "v1.34.5"), gone("d"), asking("v1.33.7", "cp-1")), journal.OneWay,
			"d of v1.34.5 has joined"},
		{"stage 2: a template of the same minor version, edited", begin(asking("v1.33.9", "cp-2")), journal.Reversible,
			"other machines of the same minor version, and none exists yet"},
		{"stage 2: replaced", begin(asking("v1.33.9", "cp-2"), cp("d", "v1.33.9")), journal.Reversible,
			"replaced within v1.33.7's minor version"},
		{"a slot with disks that another machine has taken", begin(cp("d", "v1.33.9"), slotOf("d")), journal.DataStays,
			"the disks of pool pool-cp come back with what was written"},
		{"a machine that joined weighs more than its disks", begin(cp("d", "v1.34.5"), slotOf("d")), journal.OneWay, "has joined"},
		{"the old template is gone", begin(asking("v1.34.5", "cp-2"),
			journal.Template{Cluster: "prod-a", Name: "cp-1", Deleted: true}), journal.OneWay,
			"machine template cp-1, which KubeadmControlPlane prod-a had, is gone"},
		{"the old template was created again", begin(asking("v1.34.5", "cp-2"),
			journal.Template{Cluster: "prod-a", Name: "cp-1", Deleted: true}, template("cp-1")), journal.Reversible,
			"prod-a asks for v1.34.5"},
		{"etcd has no quorum", begin(cp("a", "v1.33.7", etcd("False", "x")), cp("b", "v1.33.7", etcd("False", "x"))),
			journal.OneWay, "neither forward nor back, until an operator has restored it"},
		{"a run that finds an upgrade half done", story{asking("v1.34.5", "cp-2"), cp("a", "v1.33.7"), cp("b", "v1.34.5"),
			journal.StepStarted{ID: "x", Kind: journal.StepKindStep}, cp("e", "v1.34.5")}, journal.OneWay, "e of v1.34.5 has joined"},
		{"the worst of two clusters", append(begin(), journal.ControlPlane{Cluster: "prod-b", Name: "prod-b",
			Version: "v1.33.7", Replicas: 1}, journal.Machine{Cluster: "prod-b", Name: "x", Role: journal.RoleControlPlane,
			Version: "v1.33.7", Etcd: &journal.Etcd{Healthy: "True"}}, journal.Machine{Cluster: "prod-b", Name: "x",
			Role: journal.RoleControlPlane, Version: "v1.33.7", Etcd: &journal.Etcd{Healthy: "False"}}), journal.OneWay,
			"etcd of prod-b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			j, err := NewJudge(nil)
			if err != nil {
				t.Fatal(err)
			}
			l := story{journal.RunStarted{SchemaVersion: 1, RunID: "test"}}
			for _, x := range tt.s {
				l = append(l, time.Second, x)
			}
			if _, err := journal.Scan(bytes.NewReader(l.Write(t)), func(e journal.Event) error {
				_, err := j.Observe(e)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			level, why, ok := j.WayBack()
			if !ok || level != tt.level || !strings.Contains(why, tt.why) {
				t.Errorf("got %s: %s; want %s: %s", level, why, tt.level, tt.why)
			}
		})
	}
}

func TestWithoutAControlPlaneNobodyCanSay(t *testing.T) {
	j, err := NewJudge(nil)
	if err != nil {
		t.Fatal(err)
	}
	if level, why, ok := j.WayBack(); ok {
		t.Errorf("got %s: %s", level, why)
	}
}
