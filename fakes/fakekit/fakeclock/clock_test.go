package fakeclock_test

import (
	"slices"
	"testing"
	"time"

	"github.com/rehearse-dev/rehearse/fakes/fakekit"
	"github.com/rehearse-dev/rehearse/fakes/fakekit/fakeclock"
)

var _ fakekit.Clock = (*fakeclock.Clock)(nil)

func TestAdvanceFiresInOrderOfTimeThenOfSetting(t *testing.T) {
	c := fakeclock.New()
	var got []string
	fire := func(name string) func() { return func() { got = append(got, name) } }
	c.After("late", 2*time.Second, fire("late"))
	c.After("first", time.Second, func() {
		got = append(got, "first")
		c.After("child", 500*time.Millisecond, fire("child"))
	})
	c.After("second", time.Second, fire("second"))
	cancel := c.After("cancelled", time.Second, fire("cancelled"))
	cancel()
	c.Advance(1500 * time.Millisecond)
	if want := []string{"first", "second", "child"}; !slices.Equal(got, want) {
		t.Errorf("fired %v, want %v", got, want)
	}
	if got, want := c.Now(), fakeclock.Start.Add(1500*time.Millisecond); !got.Equal(want) {
		t.Errorf("now %s, want %s", got, want)
	}
	if got, want := c.Waiting(), []string{"late"}; !slices.Equal(got, want) {
		t.Errorf("waiting %v, want %v", got, want)
	}
}

func TestTimeStandsStillWhileSomebodyIsBusy(t *testing.T) {
	c := fakeclock.New()
	done := c.Busy("work")
	moved := make(chan time.Time)
	go func() { c.Advance(time.Second); moved <- c.Now() }()
	if got := c.Now(); !got.Equal(fakeclock.Start) {
		t.Errorf("now %s while busy, want %s", got, fakeclock.Start)
	}
	done()
	done()
	if got, want := <-moved, fakeclock.Start.Add(time.Second); !got.Equal(want) {
		t.Errorf("now %s, want %s", got, want)
	}
}
