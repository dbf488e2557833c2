package sim

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// aggregated are kinds of Kubernetes itself that its client library has no types for.
var aggregated = []schema.GroupVersionKind{{Group: "apiregistration.k8s.io", Version: "v1", Kind: "APIService"}}

// known refuses a manifest whose kind neither Kubernetes nor the providers of a twin know, and that no
// CustomResourceDefinition beside it defines: it is a slip of the pen more often than not, and left out in silence it
// would make the world a different one. Kinds that are known and not modelled are left out with a warning.
func (p *Plan) known(l []Manifest) error {
	defined := map[schema.GroupVersionKind]bool{}
	for _, m := range l {
		for _, k := range defines(m) {
			defined[k] = true
		}
	}
	for _, m := range l {
		k := m.Object.GroupVersionKind()
		if p.scheme.Recognizes(k) || slices.Contains(aggregated, k) || slices.Contains(modelled, k.Kind) || defined[k] {
			continue
		}
		return &InputError{m.Where(), fmt.Errorf("%s: got kind %s of %s, which neither Kubernetes nor the providers of a twin know",
			m, k.Kind, m.Object.GetAPIVersion())}
	}
	return nil
}

// defines are the kinds that a manifest is the definition of.
func defines(m Manifest) []schema.GroupVersionKind {
	if m.Object.GetKind() != "CustomResourceDefinition" {
		return nil
	}
	versions, _, _ := unstructured.NestedSlice(m.Object.Object, "spec", "versions") // the API server refuses what is none
	var l []schema.GroupVersionKind
	for _, v := range versions {
		if v, ok := v.(map[string]any); ok {
			name, _ := v["name"].(string)
			l = append(l, schema.GroupVersionKind{Group: m.str("spec", "group"), Version: name, Kind: m.str("spec", "names", "kind")})
		}
	}
	return l
}
