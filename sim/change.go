package sim

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/json"
)

// read reads the manifests of a directory, makes the world's changes of them, and refuses kinds that nobody knows.
func (p *Plan) read(dir, except string) ([]Manifest, error) {
	all, err := readManifests(dir, except)
	if err != nil {
		return nil, err
	}
	var l []Manifest
	for _, m := range all {
		keep, err := p.change(m)
		if err != nil {
			return nil, err
		}
		if keep {
			l = append(l, m)
		}
	}
	return l, p.known(l)
}

// change makes the world's changes of a manifest and tells whether it stays.
func (p *Plan) change(m Manifest) (keep bool, err error) {
	for i, c := range p.World.Changes {
		if c.Kind != m.Object.GetKind() || c.Name != m.Object.GetName() {
			continue
		}
		p.made[i] = true
		var merge map[string]any
		if err := json.Unmarshal(c.Merge, &merge); err != nil {
			return false, &InputError{c.Where, fmt.Errorf("change of %s: %w", m, err)}
		}
		if merge == nil {
			return false, nil
		}
		m.Object.Object = merged(m.Object.Object, merge)
		if m.Object.GetKind() != c.Kind || m.Object.GetName() != c.Name {
			return false, &InputError{c.Where, fmt.Errorf("change of %s/%s: got %s, want the same kind and name", c.Kind, c.Name, m)}
		}
	}
	return true, nil
}

// merged is an object after a merge patch (RFC 7386).
func merged(o, patch map[string]any) map[string]any {
	if o == nil {
		o = map[string]any{}
	}
	for k, v := range patch {
		switch v := v.(type) {
		case nil:
			delete(o, k)
		case map[string]any:
			inner, _ := o[k].(map[string]any)
			o[k] = merged(inner, v)
		default:
			o[k] = v
		}
	}
	return o
}

// unmade refuses a change of a manifest that the world does not have.
func (p *Plan) unmade() error {
	for i, c := range p.World.Changes {
		if p.made[i] {
			continue
		}
		var there []string
		for _, cl := range p.clusters {
			for _, m := range append(cl.manifests, cl.workload...) {
				if m.Object.GetKind() == c.Kind {
					there = append(there, m.Object.GetName())
				}
			}
		}
		names := "none of that kind"
		if len(there) > 0 {
			names = strings.Join(there, ", ")
		}
		return &InputError{c.Where, fmt.Errorf("change of %s/%s: the manifests have no such object; there is %s", c.Kind, c.Name, names)}
	}
	return nil
}
