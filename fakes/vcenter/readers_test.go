package vcenter

import (
	"slices"
	"testing"
	"time"

	"github.com/vmware/govmomi/vim25/types"

	"github.com/rehearse-dev/rehearse/fakes/fakekit/fakeclock"
)

func TestSiteTimeWaitsForTheReadersOfAChange(t *testing.T) {
	collector := types.ManagedObjectReference{Type: "PropertyCollector", Value: "pc"}
	task := types.ManagedObjectReference{Type: "Task", Value: "task-1"}
	change := []types.PropertyChange{{Name: "info.state"}}
	filter := func(object types.ManagedObjectReference, path string) types.PropertyFilterSpec {
		return types.PropertyFilterSpec{
			PropSet:   []types.PropertySpec{{Type: object.Type, PathSet: []string{path}}},
			ObjectSet: []types.ObjectSpec{{Obj: object}},
		}
	}
	for _, tt := range []struct {
		name    string
		filter  types.PropertyFilterSpec
		release func(r *readers)
		waits   bool
	}{
		{"until the update is served", filter(task, "info"), func(r *readers) { r.served(collector) }, true},
		{"until the collector is destroyed", filter(task, "info.state.x"), func(r *readers) { r.drop(collector) }, true},
		{"until vCenter closes", filter(task, "info.state"), (*readers).close, true},
		{"but not for one that watches something else", filter(task, "infos"), func(*readers) {}, false},
		{"but not for one that watches another task", filter(collector, "info"), func(*readers) {}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			clock := fakeclock.New()
			r := &readers{clock: clock}
			r.watch(collector, tt.filter)
			r.changed(task, change)
			if got := len(r.owed[collector]) > 0; got != tt.waits {
				t.Errorf("owes an update: got %v, want %v", got, tt.waits)
			}
			settled := make(chan struct{})
			go func() { clock.Settle(); close(settled) }()
			tt.release(r)
			select {
			case <-settled:
			case <-time.After(10 * time.Second):
				t.Fatal("site time still stands")
			}
		})
	}
}

// A client that died with its filter in place costs patience once, not for every change.
func TestADeadReaderIsWaitedForOnce(t *testing.T) {
	collector := types.ManagedObjectReference{Type: "PropertyCollector", Value: "pc"}
	vm := types.ManagedObjectReference{Type: "VirtualMachine", Value: "vm-1"}
	clock := fakeclock.New()
	r := &readers{clock: clock}
	r.watch(collector, types.PropertyFilterSpec{
		PropSet: []types.PropertySpec{{PathSet: []string{"guest.net"}}}, ObjectSet: []types.ObjectSpec{{Obj: vm}},
	})
	change := []types.PropertyChange{{Name: "guest.net"}}
	r.changed(vm, change)
	clock.Settle()
	r.mu.Lock()
	watched := len(r.watched)
	r.mu.Unlock()
	if watched != 0 {
		t.Errorf("got %d watched objects, want 0", watched)
	}
	r.changed(vm, change)
	if len(r.owed) != 0 {
		t.Error("the dead reader is waited for again")
	}
	if got, want := clock.GivenUp(), []string{"property collector pc to read its updates"}; !slices.Equal(got, want) {
		t.Errorf("late: got %q, want %q", got, want)
	}
}
