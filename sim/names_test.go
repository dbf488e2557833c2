package sim_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-dev/rehearse/sim"
	"github.com/rehearse-dev/rehearse/sim/fault"
)

func names(t *testing.T, w sim.World, provision bool) fault.Names {
	t.Helper()
	p, err := sim.Load(w, 1)
	if err != nil {
		t.Fatal(err)
	}
	return p.Names(provision)
}

func TestOnlyMachinesThatAreFoundThereHaveNamesBeforeTheRun(t *testing.T) {
	changed := world(t, 3, 1)
	changed.Changes = []sim.Change{{Kind: "MachineDeployment", Name: "prod-a-md-0", Merge: []byte(`{"spec":{"replicas":5}}`)}}
	silent := world(t, 3, 1)
	silent.Changes = []sim.Change{{Kind: "MachineDeployment", Name: "prod-a-md-0", Merge: []byte(`{"spec":{"replicas":null}}`)}}
	scaled := world(t, 3, 1)
	scaled.Changes = []sim.Change{{Kind: "MachineDeployment", Name: "prod-a-md-0", Merge: []byte(`{"metadata":{"annotations":{` +
		`"cluster.x-k8s.io/cluster-api-autoscaler-node-group-min-size":"4","cluster.x-k8s.io/cluster-api-autoscaler-node-group-max-size":"9"}},"spec":{"replicas":null}}`)}}
	for _, c := range []struct {
		name      string
		world     sim.World
		provision bool
		want      int // machines of workers
	}{
		{"as a file says", world(t, 3, 2), false, 2},
		{"as a change says", changed, false, 5},
		{"nobody says", silent, false, 1},
		{"as the autoscaler may", scaled, false, 4},
		{"built from nothing", world(t, 3, 2), true, 0},
	} {
		n := names(t, c.world, c.provision)
		workers := n[fault.MachineOf("prod-a", "prod-a-md-0")]
		if len(workers) != c.want || slices.ContainsFunc(workers, func(m string) bool { return !strings.HasPrefix(m, "prod-a-md-0-") }) {
			t.Errorf("%s: got workers %q, want %d", c.name, workers, c.want)
		}
		cp := n[fault.MachineOf("prod-a", fault.ControlPlane)]
		if diff := cmp.Diff(n[fault.MachineOf("prod-a", "")], slices.Concat(cp, workers)); diff != "" {
			t.Errorf("%s: all machines, -got +want:\n%s", c.name, diff)
		}
		if diff := cmp.Diff(n[fault.MemberOf("prod-a")], cp); diff != "" || len(cp) != 3 && !c.provision {
			t.Errorf("%s: members of etcd, -got +want:\n%s", c.name, diff)
		}
	}
}

func TestAMemberOfEtcdIsCalledAsItsSlot(t *testing.T) {
	for _, provision := range []bool{false, true} {
		got := names(t, pooled(t), provision)[fault.MemberOf("prod-b")]
		if diff := cmp.Diff(got, []string{"prod-b-cp-1", "prod-b-cp-2", "prod-b-cp-3"}); diff != "" {
			t.Errorf("provision %v: -got +want:\n%s", provision, diff)
		}
	}
}

// known wants the twin of a world to have the machines and members that could be named before.
func known(t *testing.T, twin *sim.Twin, w sim.World) {
	t.Helper()
	n := names(t, w, false)
	var machines []string
	for _, m := range list(t, management(t, twin), "cluster.x-k8s.io/v1beta2", "Machine") {
		machines = append(machines, m.GetName())
	}
	cluster := w.Clusters[0].Name
	want := slices.Sorted(slices.Values(n[fault.MachineOf(cluster, "")]))
	slices.Sort(machines)
	if diff := cmp.Diff(machines, want); diff != "" {
		t.Errorf("machines, -of the twin +named before:\n%s", diff)
	}
	up, _, err := twin.EtcdVoters(cluster)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range up {
		if !slices.Contains(n[fault.MemberOf(cluster)], m) {
			t.Errorf("member %s: want one of those named before, %q", m, n[fault.MemberOf(cluster)])
		}
	}
}
