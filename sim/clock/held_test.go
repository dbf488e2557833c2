package clock

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// A write whose event is held back is not waited for, in whichever order reply and event come; once the event is on its
// way, the informer is.
func TestAnEventThatIsHeldBackIsNotWaitedForUntilItIsDelivered(t *testing.T) {
	gk := schema.GroupKind{Group: "g", Kind: "K"}
	b := run(t, Options{Pace: Hold}).Barrier()
	informer := b.addView(gk)
	event := func(version string, deleted, going bool) WatchEvent {
		return WatchEvent{Kind: gk, Namespace: "ns", Name: "a", ResourceVersion: version, Deleted: deleted, Going: going}
	}
	outstanding := countOutstanding(t, b)
	b.Wrote(gk, "ns", "a", "7", false)
	outstanding("written", 1)
	b.Held(event("7", false, false))
	outstanding("held back", 0)
	b.Held(event("8", false, false))
	b.Wrote(gk, "ns", "a", "8", false)
	outstanding("held back before the reply", 0)
	b.Held(event("9", false, true))
	b.Wrote(gk, "ns", "a", "", true)
	outstanding("a deletion that has begun", 0)
	b.Wrote(gk, "ns", "a", "10", false)
	outstanding("a write that has not come", 1)
	b.Held(event("10", true, true))
	outstanding("it has", 0)
	o := &unstructured.Unstructured{}
	o.SetNamespace("ns")
	o.SetName("a")
	for _, v := range []string{"7", "8"} {
		b.Delivered(event(v, false, false))
		outstanding("delivered "+v, 1)
		o.SetResourceVersion(v)
		b.saw(informer, gk, o, false)
		outstanding("seen "+v, 0)
		b.Delivered(event(v, false, false))
		outstanding("delivered when it was seen", 0)
	}
	b.Delivered(event("10", true, true))
	outstanding("delivered the end", 1)
	o.SetResourceVersion("10")
	b.saw(informer, gk, o, true)
	outstanding("seen the end", 0)
	b.Delivered(event("10", true, true)) // in a second stream, of an informer that the barrier does not know
	outstanding("delivered the end when it was seen", 0)
	b.Delivered(WatchEvent{})
	outstanding("an event of no kind", 0)
}
