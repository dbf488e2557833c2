package stdlib_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/dsl/diag"
	"github.com/rehearse-dev/rehearse/dsl/dsltest"
)

// TestARunGoesOnWhereAnotherWasCutOff kills a run in the middle and starts a new one, which knows nothing of the first.
func TestARunGoesOnWhereAnotherWasCutOff(t *testing.T) {
	killed := errors.New("killed")
	for _, tt := range []struct {
		at     string // the step or wait that the first run never comes to
		polls  int    // of the wait before, which is cut off then
		notes  []string
		writes []string // of the second run
	}{
		{at: "control-plane", writes: []string{"patch KubeadmControlPlane cpaas-system/prod-a-kcp", "patch Cluster cpaas-system/prod-a",
			"patch MachineDeployment cpaas-system/prod-a-md-0", "patch MachineDeployment cpaas-system/prod-a-md-1"}},
		{at: "kube-ovn", notes: []string{"KubeadmControlPlane prod-a-kcp"}, writes: []string{"patch Cluster cpaas-system/prod-a",
			"patch MachineDeployment cpaas-system/prod-a-md-0", "patch MachineDeployment cpaas-system/prod-a-md-1"}},
		{at: "control-plane-rolled", polls: 2, notes: []string{"KubeadmControlPlane prod-a-kcp"}, writes: []string{
			"patch MachineDeployment cpaas-system/prod-a-md-0", "patch MachineDeployment cpaas-system/prod-a-md-1"}},
		{at: "workers-prod-a-md-0-rolled", polls: 2, notes: []string{"MachineDeployment prod-a-md-0"}, writes: []string{
			"patch MachineDeployment cpaas-system/prod-a-md-1"}},
	} {
		t.Run(tt.at, func(t *testing.T) {
			e := newEstate()
			err := upgrade(t, &dying{Host: &dsltest.Host{Site: e, Tick: e.tick}, at: tt.at, polls: tt.polls, err: killed}, "4.3.0")
			if !errors.Is(err, killed) {
				t.Fatalf("got %v, want a run that is cut off", err)
			}
			e.management.Writes = nil
			host := &dsltest.Host{Site: e, Tick: e.tick}
			if err := upgrade(t, host, "4.3.0"); err != nil {
				t.Fatal(diag.Text(err))
			}
			if diff := cmp.Diff(e.management.Writes, tt.writes); diff != "" {
				t.Errorf("writes of the second run (-got +want):\n%s", diff)
			}
			var notes []string
			for _, line := range host.Log {
				if note, ok := strings.CutPrefix(line, "note: "); ok && strings.Contains(note, " carries the values of the target already") {
					owner, _, _ := strings.Cut(note, " carries")
					notes = append(notes, owner)
				}
			}
			if diff := cmp.Diff(notes, tt.notes); diff != "" {
				t.Errorf("what the earlier run has edited (-got +want):\n%s", diff)
			}
		})
	}
}

// dying is a host that ends with err at a step, or after some polls of a wait.
type dying struct {
	*dsltest.Host
	at    string
	polls int
	err   error
}

func (d *dying) Step(ctx context.Context, s dsl.Step, body func(context.Context, dsl.Site) (dsl.Result, error)) (json.RawMessage, error) {
	if s.ID == d.at {
		return nil, d.err
	}
	return d.Host.Step(ctx, s, body)
}

func (d *dying) Wait(ctx context.Context, w dsl.Wait, poll func(context.Context, dsl.Site) (dsl.Poll, error)) (json.RawMessage, error) {
	if w.ID != d.at {
		return d.Host.Wait(ctx, w, poll)
	}
	return d.Host.Wait(ctx, w, func(ctx context.Context, site dsl.Site) (dsl.Poll, error) {
		if d.polls--; d.polls < 0 {
			return dsl.Poll{}, d.err
		}
		return poll(ctx, site)
	})
}
