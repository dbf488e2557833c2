package fault

import (
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestTargetsAreDrawnByAgeSinceNamesAreChance(t *testing.T) {
	begin := time.Unix(0, 0)
	made := func(name string, after time.Duration) unstructured.Unstructured {
		var o unstructured.Unstructured
		o.SetName(name)
		o.SetCreationTimestamp(metav1.NewTime(begin.Add(after)))
		return o
	}
	l := []unstructured.Unstructured{made("a", time.Hour), made("y", 0), made("b", time.Minute), made("x", time.Second)}
	slices.SortFunc(l, byAge(begin.Add(time.Second))) // what was there may be from two seconds
	var got []string
	for _, o := range l {
		got = append(got, o.GetName())
	}
	if want := []string{"x", "y", "b", "a"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
