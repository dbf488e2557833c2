package vcenter

import (
	"slices"
	"testing"

	"github.com/vmware/govmomi/vim25/types"

	"github.com/rehearse-dev/rehearse/fakes/fakekit/fakeclock"
)

func TestHooksOfAVMComeInTheOrderOfWhatHappened(t *testing.T) {
	e := &events{}
	e.start(&VCenter{clock: fakeclock.New()})
	said := make(chan string, 3)
	slow := make(chan struct{})
	a, b := types.ManagedObjectReference{Value: "a"}, types.ManagedObjectReference{Value: "b"}
	e.tell("off", a, func() { <-slow; said <- "a off" })
	e.tell("on", a, func() { said <- "a on" })
	e.tell("off", b, func() { said <- "b off" })
	got := []string{<-said}
	close(slow)
	got = append(got, <-said, <-said)
	if want := []string{"b off", "a off", "a on"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
