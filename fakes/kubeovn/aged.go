package kubeovn

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// aged is a provider before v1.0.16, which knows one name of the chart.
type aged struct {
	asked func(cluster, chart, revision string)
}

// Age makes the provider one from before v1.0.16, until upgrade is called: it asks for the chart of every version under
// its old name. asked is told each time that it asks a cluster for one whose name has changed since.
func (p *Provider) Age(asked func(cluster, chart, revision string)) (upgrade func()) {
	a := &aged{asked}
	p.old.Store(a)
	return func() { p.old.CompareAndSwap(a, nil) }
}

// misname gives the chart its old name if the provider knows no other; nil when the name is right.
func (p *Provider) misname(want *unstructured.Unstructured) *misnamed {
	old := p.old.Load()
	charts, _, err := unstructured.NestedSlice(want.Object, "spec", "source", "charts")
	if old == nil || err != nil || len(charts) != 1 {
		return nil
	}
	ch := charts[0].(map[string]any)
	if ch["name"] == legacyChart {
		return nil
	}
	ch["name"] = legacyChart
	if err := unstructured.SetNestedSlice(want.Object, charts, "spec", "source", "charts"); err != nil {
		return nil
	}
	return &misnamed{old, fmt.Sprint(ch["targetRevision"])}
}

// misnamed is a chart that an old provider asks for under a name that is wrong.
type misnamed struct {
	by       *aged
	revision string
}

// tell says that a cluster was asked, unless err says that it was not.
func (m *misnamed) tell(cluster string, err error) error {
	if m != nil && err == nil {
		m.by.asked(cluster, legacyChart, m.revision)
	}
	return err
}
