package journal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Change is one field of an object that a write changed. Old is nil for a field that was not there, New for one that is
// there no longer; Redacted stands for a secret on either side.
type Change struct {
	Path string          `json:"path"` // metadata.annotations["cpaas.io/network-type"], spec.template.args[0]
	Old  json.RawMessage `json:"old,omitempty"`
	New  json.RawMessage `json:"new,omitempty"`
}

// Diff is what differs between two states of an object of a kind, in the order of its fields. That a secret changed is
// told, what it is is not. Lists of different lengths are one change.
func Diff(kind string, before, after json.RawMessage) ([]Change, error) {
	d := differ{}
	a, err := twice(kind, before)
	if err != nil {
		return nil, fmt.Errorf("diff: before: %w", err)
	}
	b, err := twice(kind, after)
	if err != nil {
		return nil, fmt.Errorf("diff: after: %w", err)
	}
	d.walk("", a, b)
	return d.changes, nil
}

// copies are annotations that repeat the whole object as text, secrets included: what changed is told once.
// Source: sigs.k8s.io/cluster-api@v1.13.4 util/conversion DataAnnotation.
var copies = map[string]bool{lastApplied: true, "cluster.x-k8s.io/conversion-data": true}

// pair is a value as it is, which is compared, and as it may be told.
type pair struct{ raw, told *node }

func twice(kind string, object json.RawMessage) (pair, error) {
	raw, err := parseTree(object)
	if err != nil {
		return pair{}, err
	}
	told, err := parseTree(RedactPatch(kind, object))
	if err != nil {
		return pair{}, err
	}
	raw.dropCopies()
	told.dropCopies()
	return pair{raw, told}, nil
}

func (n *node) dropCopies() {
	n.fields = slices.DeleteFunc(n.fields, func(f field) bool { return copies[f.name] })
	n.each((*node).dropCopies)
}

type differ struct{ changes []Change }

func (d *differ) walk(path string, a, b pair) {
	switch {
	case bytes.Equal(a.raw.encoded(), b.raw.encoded()):
	case a.is('{') && b.is('{'):
		for _, f := range a.raw.fields {
			d.walk(path+step(path, f.name), a.field(f.name), b.field(f.name))
		}
		for _, f := range b.raw.fields {
			if a.raw.get(f.name) == nil {
				d.walk(path+step(path, f.name), pair{}, b.field(f.name))
			}
		}
	case a.is('[') && b.is('[') && len(a.raw.items) == len(b.raw.items):
		for i := range a.raw.items {
			d.walk(fmt.Sprintf("%s[%d]", path, i), pair{a.raw.items[i], a.told.items[i]}, pair{b.raw.items[i], b.told.items[i]})
		}
	default:
		d.changes = append(d.changes, Change{Path: path, Old: a.told.encoded(), New: b.told.encoded()})
	}
}

// is tells whether both sides of the pair are of the kind: a secret may hide a whole list.
func (p pair) is(kind byte) bool {
	return p.raw != nil && p.told != nil && p.raw.kind == kind && p.told.kind == kind && len(p.raw.items) == len(p.told.items)
}

func (p pair) field(name string) pair { return pair{p.raw.get(name), p.told.get(name)} }

// encoded is the JSON of n, nil of none.
func (n *node) encoded() json.RawMessage {
	if n == nil {
		return nil
	}
	return n.append(nil)
}

// step is how a path goes on to a field.
func step(path, name string) string {
	if name == "" || strings.ContainsAny(name, `./"[] `) {
		return "[" + strconv.Quote(name) + "]"
	}
	if path == "" {
		return name
	}
	return "." + name
}
