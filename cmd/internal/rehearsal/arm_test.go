package rehearsal

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/rehearse-dev/rehearse/sim/fault"
)

// A run on a site that was not well before is an error, and no fault is laid in it.
func TestNothingIsArmedOnASiteThatIsNotWell(t *testing.T) {
	armed := 0
	spec, err := fault.Parse("drain-blocked:when=time:20m")
	if err != nil {
		t.Fatal(err)
	}
	f := &faults{engine: fault.NewEngine(nil, nil, []fault.Spec{spec}, fault.Log{Armed: func(fault.Spec) { armed++ }})}
	broken := errors.New("prod-a: prod-a-md-0: got 1 ready of 2")
	err = f.arm(t.Context(), func(context.Context) error { return broken }, func(time.Duration) error { return nil })
	if !errors.Is(err, broken) || armed != 0 {
		t.Errorf("got %v and %d faults armed, want %v and none", err, armed, broken)
	}
}
