package clock

import (
	"errors"
	"testing"
	"time"

	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/ktesting"
)

// Watches break when a twin ends, and each says so: that must not take the site time that has passed.
func TestAnErrorAfterTheEndOfAClockTakesNoTime(t *testing.T) {
	New(Options{})
	logger := ktesting.NewLogger(t, ktesting.NewConfig(ktesting.BufferLogs(true)))
	ctx := klog.NewContext(t.Context(), logger)
	moveNow(time.Hour)
	utilruntime.HandleErrorWithContext(ctx, errors.New("EOF"), "in a run")
	moveNow(-time.Hour)
	told := make(chan struct{})
	go func() {
		defer close(told)
		utilruntime.HandleErrorWithContext(ctx, errors.New("EOF"), "after its end")
	}()
	select {
	case <-told:
	case <-time.After(10 * time.Second):
		t.Fatal("it takes time")
	}
	if got := len(logger.GetSink().(ktesting.Underlier).GetBuffer().Data()); got != 2 {
		t.Errorf("got %d errors in the log, want 2", got)
	}
}
