package sim_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rehearse-dev/rehearse/sim"
	"github.com/rehearse-dev/rehearse/sim/clock"
)

// A fault is not to blame for what was wrong before it: a site that is on its way from one state to another is not well.
func TestASiteIsWellWhenItIsWhatItsManifestsAskFor(t *testing.T) {
	twin := start(t, world(t, 1, 1), sim.Options{Pace: clock.Hold})
	if err := twin.Healthy(t.Context()); err != nil {
		t.Fatalf("after the boot: got %v, want it well", err)
	}
	md := newObject("cluster.x-k8s.io/v1beta1", "MachineDeployment", "prod-a-md-0")
	scale := client.RawPatch(types.MergePatchType, []byte(`{"spec":{"replicas":2}}`))
	if err := management(t, twin).Patch(context.Background(), md, scale); err != nil {
		t.Fatal(err)
	}
	await(t, twin, "the news", func() error {
		if err := twin.Healthy(t.Context()); err == nil || !strings.Contains(err.Error(), "prod-a: prod-a-md-0: ") {
			return errors.New("it is called well")
		}
		return nil
	})
	pass(t, twin, time.Hour)
	await(t, twin, "the second worker", func() error { return twin.Healthy(t.Context()) })
}
