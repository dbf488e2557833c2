package clock_test

import (
	"slices"
	"testing"

	"github.com/rehearse-dev/rehearse/sim/clock"
)

func TestAWaitThatWasGivenUpCountsAsLate(t *testing.T) {
	c := clock.New(clock.Options{})
	c.Late("the watch of pods/ns/p")
	if got, want := c.GivenUp(), []string{"the watch of pods/ns/p"}; !slices.Equal(got, want) || c.Stats().Late != 1 {
		t.Errorf("got %q and %d late, want %q and 1", got, c.Stats().Late, want)
	}
}
