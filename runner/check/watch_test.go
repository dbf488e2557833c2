package check

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

// answer is a server that gives one list, and says when.
type answer struct {
	dynamic.ResourceInterface
	items []object
	given chan struct{}
}

func (a *answer) List(context.Context, metav1.ListOptions) (*unstructured.UnstructuredList, error) {
	close(a.given)
	return &unstructured.UnstructuredList{Items: a.items}, nil
}

func machineAt(version, phase string) *object {
	m := machineThing("prod-a", "a", phase)
	m.SetResourceVersion(version)
	return m
}

// lookedAt is an observer that has seen the machine at version 1, and what it has said since.
func lookedAt(t *testing.T, now *object) (o *Observer, f *feed, said *[]string) {
	t.Helper()
	said = new([]string)
	// It takes a while to find prod-a in a scope so long: whoever can get in between does.
	scope := Scope{Clusters: append(slices.Repeat([]string{"prod-z"}, 100_000), "prod-a")}
	o = &Observer{clock: &steady{}, scope: scope, disks: map[string]journal.Disk{}, emit: func(b journal.Body) error {
		*said = append(*said, fmt.Sprint(b.(journal.Machine).Phase))
		return nil
	}}
	k := kinds[slices.IndexFunc(kinds, func(k kind) bool { return k.name == "Machine" })]
	f = &feed{kind: k, seen: map[string]*sighting{},
		from: &answer{items: []object{*now}, given: make(chan struct{})}}
	o.feeds = []*feed{f}
	happens(t, o, f, watch.Added, machineAt("1", "Running"))
	*said = nil
	return o, f, said
}

func happens(t *testing.T, o *Observer, f *feed, what watch.EventType, x *object) {
	t.Helper()
	if _, err := o.event(t.Context(), f, watch.Event{Type: what, Object: x}); err != nil {
		t.Error(err)
	}
}

// What the watch hears while somebody looks may be newer than what that look found.
func TestALookBringsBackNothingThatTheWatchKnowsBetter(t *testing.T) {
	tests := []struct {
		name string
		what watch.EventType
		then *object
		last string // what is said last
	}{
		{"an object that is gone", watch.Deleted, machineAt("3", "Deleting"), "Deleted"},
		{"a newer version", watch.Modified, machineAt("3", "Failed"), "Failed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for range 20 {
				o, f, said := lookedAt(t, machineAt("2", "Deleting"))
				var watching sync.WaitGroup
				watching.Go(func() {
					<-f.from.(*answer).given
					happens(t, o, f, tt.what, tt.then)
				})
				if err := o.Refresh(t.Context()); err != nil {
					t.Fatal(err)
				}
				watching.Wait()
				if last := (*said)[len(*said)-1]; last != tt.last {
					t.Fatalf("got %v, want %s as the last", *said, tt.last)
				}
			}
		})
	}
}

// A watch comes late at times, and hears then of versions that a look has left behind.
func TestTheWatchTellsNothingThatALookKnowsBetter(t *testing.T) {
	o, f, said := lookedAt(t, machineAt("3", "Failed"))
	if err := o.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	happens(t, o, f, watch.Modified, machineAt("2", "Deleting"))
	happens(t, o, f, watch.Modified, machineAt("3", "Failed"))
	happens(t, o, f, watch.Modified, machineAt("4", "Running"))
	if diff := cmp.Diff([]string{"Failed", "Running"}, *said); diff != "" {
		t.Error("(-want +got):\n" + diff)
	}
}
