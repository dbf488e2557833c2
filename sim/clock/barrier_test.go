package clock

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// countOutstanding compares how many writes a barrier waits for with what a test wants at a moment.
func countOutstanding(t *testing.T, b *Barrier) func(when string, want int) {
	return func(when string, want int) {
		t.Helper()
		if got := b.outstanding(); got != want {
			t.Errorf("%s: got %d outstanding, want %d", when, got, want)
		}
	}
}

// A kind that controllers read in two forms has two informers, and a write is waited for until both have seen it.
func TestAWriteIsWaitedForUntilAllInformersOfItsKindHaveSeenIt(t *testing.T) {
	gk := schema.GroupKind{Group: "g", Kind: "K"}
	b := run(t, Options{Pace: Hold}).Barrier()
	typed, other := b.addView(gk), b.addView(gk)
	outstanding := countOutstanding(t, b)
	version := func(v string) *unstructured.Unstructured {
		o := &unstructured.Unstructured{}
		o.SetNamespace("ns")
		o.SetName("a")
		o.SetResourceVersion(v)
		return o
	}
	b.Wrote(gk, "ns", "a", "", true)
	outstanding("the end of an object that no informer knows", 0)
	b.Wrote(gk, "ns", "a", "7", false)
	outstanding("written", 1)
	b.saw(typed, gk, version("7"), false)
	outstanding("seen by one", 1)
	b.saw(other, gk, version("7"), false)
	outstanding("seen by both", 0)
	b.saw(other, gk, version("8"), false)
	b.Wrote(gk, "ns", "a", "8", false)
	outstanding("one was faster than the reply", 1)
	b.Wrote(gk, "ns", "a", "9", false)
	b.saw(typed, gk, version("9"), false)
	b.saw(typed, gk, version("9"), false)
	outstanding("seen by one twice", 1)
	b.saw(other, gk, version("8"), false)
	outstanding("the other has seen an older version", 1)
	b.saw(other, gk, version("9"), false)
	outstanding("both have", 0)
	b.Wrote(gk, "ns", "a", "", true)
	b.saw(typed, gk, version("10"), true)
	outstanding("one has seen the end", 1)
	b.saw(other, gk, version("10"), true)
	outstanding("both have seen the end", 0)
}
