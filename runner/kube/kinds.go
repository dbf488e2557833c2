package kube

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/rehearse-dev/rehearse/dsl/diag"
)

// Mapping is where a kind is served.
type Mapping struct {
	Kind       schema.GroupVersionKind
	Resource   schema.GroupVersionResource
	Namespaced bool
	names      []string // lower case: kind, plural, singular, short names
}

// Kinds is what one API server serves. It does not change.
type Kinds struct {
	all []Mapping // groups in the server's order, versions in its order of preference
}

// NewKinds takes the answer of the server's discovery.
func NewKinds(groups []*metav1.APIGroup, lists []*metav1.APIResourceList) *Kinds {
	byVersion := map[string]*metav1.APIResourceList{}
	for _, l := range lists {
		byVersion[l.GroupVersion] = l
	}
	k := &Kinds{}
	for _, g := range groups {
		versions := []string{g.PreferredVersion.GroupVersion}
		for _, v := range g.Versions {
			versions = append(versions, v.GroupVersion)
		}
		for i, v := range versions {
			if l := byVersion[v]; l != nil && !slices.Contains(versions[:i], v) {
				k.add(v, l.APIResources)
			}
		}
	}
	return k
}

func (k *Kinds) add(groupVersion string, resources []metav1.APIResource) {
	gv, err := schema.ParseGroupVersion(groupVersion)
	if err != nil {
		return
	}
	for _, r := range resources {
		if strings.Contains(r.Name, "/") { // a subresource
			continue
		}
		m := Mapping{Kind: gv.WithKind(r.Kind), Resource: gv.WithResource(r.Name), Namespaced: r.Namespaced}
		for _, n := range append([]string{r.Kind, r.Name, r.SingularName}, r.ShortNames...) {
			m.names = append(m.names, strings.ToLower(n))
		}
		k.all = append(k.all, m)
	}
}

// ResolveGVK finds exactly that kind.
func (k *Kinds) ResolveGVK(gvk schema.GroupVersionKind) (Mapping, error) {
	for _, m := range k.all {
		if m.Kind == gvk {
			return m, nil
		}
	}
	return Mapping{}, k.unknown(gvk.Kind, fmt.Sprintf("%s of %s", gvk.Kind, gvk.GroupVersion()))
}

var version = regexp.MustCompile(`^v[0-9]+((alpha|beta)[0-9]+)?$`)

// parse takes "kind", "kind.group", "kind.version" and "kind.version.group" apart; hasGroup tells "" from no group.
func parse(name string) (kind, v, group string, hasGroup bool) {
	kind, rest, ok := strings.Cut(name, ".")
	if !ok {
		return kind, "", "", false
	}
	if first, after, _ := strings.Cut(rest, "."); version.MatchString(first) {
		return kind, first, after, true
	}
	return kind, "", rest, true
}

// Resolve finds a kind by any of its names, see Client.Resolve.
func (k *Kinds) Resolve(name string) (Mapping, error) {
	kind, v, group, hasGroup := parse(name)
	var found []Mapping // the best version of each group
	for _, m := range k.all {
		if !slices.Contains(m.names, strings.ToLower(kind)) || v != "" && m.Kind.Version != v ||
			hasGroup && m.Kind.Group != group {
			continue
		}
		if !slices.ContainsFunc(found, func(f Mapping) bool { return f.Kind.Group == m.Kind.Group }) {
			found = append(found, m)
		}
	}
	switch len(found) {
	case 0:
		return Mapping{}, k.unknown(kind, name)
	case 1:
		return found[0], nil
	}
	return choose(name, found)
}

// choose prefers the core group and then Cluster API's, which are what runbooks are about.
func choose(name string, found []Mapping) (Mapping, error) {
	for _, ours := range []func(group string) bool{
		func(g string) bool { return g == "" },
		func(g string) bool { return g == "cluster.x-k8s.io" || strings.HasSuffix(g, ".cluster.x-k8s.io") },
	} {
		var l []Mapping
		for _, m := range found {
			if ours(m.Kind.Group) {
				l = append(l, m)
			}
		}
		if len(l) == 1 {
			return l[0], nil
		}
	}
	var full []string
	for _, m := range found {
		full = append(full, m.Kind.Kind+"."+m.Kind.Version+"."+m.Kind.Group)
	}
	slices.Sort(full)
	return Mapping{}, fmt.Errorf("kind %s: got one of several groups, want one of %s", name, strings.Join(full, ", "))
}

// UnknownKind says that the server does not serve a kind.
type UnknownKind struct {
	Name, Nearest string // Nearest is "" when nothing is near
	Versions      []string
}

func (e *UnknownKind) Error() string {
	s := fmt.Sprintf("the server has no kind %s", e.Name)
	if len(e.Versions) > 0 {
		return s + " (it has " + strings.Join(e.Versions, ", ") + ")"
	}
	if e.Nearest != "" {
		return s + fmt.Sprintf(" (did you mean %s?)", e.Nearest)
	}
	return s
}

func (k *Kinds) unknown(kind, name string) error {
	e := &UnknownKind{Name: name}
	var known []string
	for _, m := range k.all {
		if slices.Contains(m.names, strings.ToLower(kind)) { // right name, wrong group or version
			e.Versions = append(e.Versions, m.Kind.Kind+"."+m.Kind.Version+"."+m.Kind.Group)
		}
		known = append(known, m.Kind.Kind)
	}
	slices.Sort(e.Versions)
	slices.Sort(known)
	e.Nearest = diag.Nearest(kind, known)
	return e
}
