package kubeovn_test

import (
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestAnOldProviderKnowsOneNameOfTheChart(t *testing.T) {
	d := newDesk(t)
	var told []string
	upgrade := d.Age(func(cluster, chart, revision string) { told = append(told, cluster+" "+chart+":"+revision) })
	chart := func(want string) {
		t.Helper()
		l, _, _ := unstructured.NestedSlice(d.release().Object, "spec", "source", "charts")
		if got := l[0].(map[string]any)["name"]; got != want {
			t.Errorf("chart: got %v, want %s", got, want)
		}
	}
	const old, now = "acp/chart-cpaas-kube-ovn", "acp/chart-kube-ovn"
	d.reconcile(10 * time.Second)
	chart(old)
	d.annotate("cpaas.io/kube-ovn-version", "v4.4.1")
	d.reconcile(10 * time.Second)
	d.reconcile(10 * time.Second) // it finds what it wants and asks for nothing again
	chart(old)
	if want := []string{"prod-a " + old + ":v4.4.1"}; !slices.Equal(told, want) {
		t.Errorf("told: got %q, want %q", told, want)
	}
	upgrade()
	d.reconcile(10 * time.Second)
	chart(now)
}
