package dsltest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rehearse-dev/rehearse/dsl"
)

// Site is a site of plain objects. A nil VCenter or Registry is one that the site does not have.
type Site struct {
	Clusters map[string]*Cluster // "" is the management cluster
	Vms      []dsl.VM
	Tags     map[string][]string // of the registry, by repository
}

// Cluster is one of the site's clusters; one that does not exist answers with an error.
func (s *Site) Cluster(name string) dsl.Cluster {
	if c, ok := s.Clusters[name]; ok {
		return c
	}
	return &Cluster{Down: fmt.Errorf("no cluster %q", name)}
}

// VCenter is the site's vCenter.
func (s *Site) VCenter() dsl.VCenter { return vcenter{s} }

// Registry is the site's image registry.
func (s *Site) Registry() dsl.Registry { return registry{s} }

type vcenter struct{ *Site }

func (v vcenter) VMs(context.Context) ([]dsl.VM, error) { return v.filter(false), nil }

func (v vcenter) Templates(context.Context) ([]dsl.VM, error) { return v.filter(true), nil }

func (v vcenter) filter(template bool) []dsl.VM {
	return slices.DeleteFunc(slices.Clone(v.Site.Vms), func(vm dsl.VM) bool { return vm.Template != template })
}

type registry struct{ *Site }

// Tags of a repository.
func (r registry) Tags(_ context.Context, repository string) ([]string, error) {
	tags, ok := r.Site.Tags[repository]
	if !ok {
		return nil, fmt.Errorf("repository %s: %w", repository, dsl.ErrNotFound)
	}
	return tags, nil
}

// Cluster is the API of one cluster: objects by "Kind namespace/name". It keeps generations, merges merge patches, and
// nothing more; what controllers would do is up to Tick of the Host or to Wrote.
type Cluster struct {
	Objects map[string]dsl.Object
	Happens map[string][]dsl.Object // events, by the key of the object
	Down    error                   // what every request gets instead of an answer
	Wrote   func(verb, key string)  // after each write
	Writes  []string                // "patch KubeadmControlPlane cpaas-system/prod-a"
}

// Put stores an object, as a controller would.
func (c *Cluster) Put(o dsl.Object) {
	if c.Objects == nil {
		c.Objects = map[string]dsl.Object{}
	}
	c.Objects[keyOf(o)] = o
}

// Find is an object of the store, to be changed in place; nil when it is absent.
func (c *Cluster) Find(kind, name string) dsl.Object {
	for key, o := range c.Objects {
		if k, rest, _ := strings.Cut(key, " "); k == kind && strings.HasSuffix("/"+rest, "/"+name) {
			return o
		}
	}
	return nil
}

func keyOf(o dsl.Object) string {
	meta, _ := o["metadata"].(map[string]any)
	name, _ := meta["name"].(string)
	namespace, _ := meta["namespace"].(string)
	kind, _ := o["kind"].(string)
	return dsl.Ref{Kind: kind, Namespace: namespace, Name: name}.String()
}

// Get returns a copy.
func (c *Cluster) Get(_ context.Context, r dsl.Ref) (dsl.Object, error) {
	if c.Down != nil {
		return nil, c.Down
	}
	o, ok := c.Objects[r.String()]
	if !ok {
		return nil, fmt.Errorf("get %s: %w", r, dsl.ErrNotFound)
	}
	return clone(o), nil
}

// List returns copies in the order of their names. The selector is a list of key or key=value.
func (c *Cluster) List(_ context.Context, kind, namespace, selector string) ([]dsl.Object, error) {
	if c.Down != nil {
		return nil, c.Down
	}
	prefix := dsl.Ref{Kind: kind}.String() + " "
	var all []dsl.Object
	for _, key := range slices.Sorted(maps.Keys(c.Objects)) {
		meta, _ := c.Objects[key]["metadata"].(map[string]any)
		if strings.HasPrefix(key, prefix) && (namespace == "" || meta["namespace"] == namespace) && selects(selector, meta) {
			all = append(all, clone(c.Objects[key]))
		}
	}
	return all, nil
}

func selects(selector string, meta map[string]any) bool {
	labels, _ := meta["labels"].(map[string]any)
	for _, term := range strings.Split(selector, ",") {
		key, want, valued := strings.Cut(term, "=")
		got, has := labels[key]
		if term != "" && (!has || valued && got != want) {
			return false
		}
	}
	return true
}

// Events returns what Happens to the object.
func (c *Cluster) Events(_ context.Context, r dsl.Ref) ([]dsl.Object, error) {
	return c.Happens[r.String()], c.Down
}

// Create refuses an object that exists.
func (c *Cluster) Create(_ context.Context, o dsl.Object) (dsl.Object, error) {
	if _, taken := c.Objects[keyOf(o)]; taken {
		return nil, fmt.Errorf("already exists")
	}
	return c.write("create", keyOf(o), clone(o))
}

// Apply merges the object into what is there.
func (c *Cluster) Apply(_ context.Context, o dsl.Object) (dsl.Object, error) {
	merged, _ := merge(clone(c.Objects[keyOf(o)]), clone(o)).(map[string]any)
	return c.write("apply", keyOf(o), merged)
}

// Patch takes merge patches.
func (c *Cluster) Patch(_ context.Context, r dsl.Ref, t dsl.PatchType, patch any) (dsl.Object, error) {
	o, ok := c.Objects[r.String()]
	switch {
	case !ok:
		return nil, dsl.ErrNotFound
	case t != dsl.MergePatch:
		return nil, fmt.Errorf("%s patches are not modelled", t)
	}
	merged, _ := merge(clone(o), patch).(map[string]any)
	return c.write("patch", r.String(), merged)
}

// Delete removes the object.
func (c *Cluster) Delete(_ context.Context, r dsl.Ref) error {
	if _, ok := c.Objects[r.String()]; !ok {
		return dsl.ErrNotFound
	}
	_, err := c.write("delete", r.String(), nil)
	return err
}

func (c *Cluster) write(verb, key string, o dsl.Object) (dsl.Object, error) {
	if c.Down != nil {
		return nil, c.Down
	}
	if o == nil {
		delete(c.Objects, key)
	} else {
		meta := o["metadata"].(map[string]any)
		generation, _ := meta["generation"].(int64)
		meta["generation"] = generation + 1
		c.Put(o)
	}
	c.Writes = append(c.Writes, verb+" "+key)
	if c.Wrote != nil {
		c.Wrote(verb, key)
	}
	return clone(o), nil
}

// merge is RFC 7386.
func merge(into, patch any) any {
	p, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	m, ok := into.(map[string]any)
	if !ok || m == nil {
		m = map[string]any{}
	}
	for k, v := range p {
		if v == nil {
			delete(m, k)
		} else {
			m[k] = merge(m[k], v)
		}
	}
	return m
}

func clone(o dsl.Object) dsl.Object {
	if o == nil {
		return nil
	}
	data, err := json.Marshal(o)
	if err != nil {
		panic(err) // objects are plain data
	}
	return Decode(data)
}

// Decode reads an object of JSON, with the numbers that a Site has. It panics on anything else.
func Decode(data []byte) dsl.Object {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var o dsl.Object
	if err := d.Decode(&o); err != nil {
		panic(err)
	}
	return numbers(o).(map[string]any)
}

func numbers(x any) any {
	switch x := x.(type) {
	case json.Number:
		if n, err := x.Int64(); err == nil {
			return n
		}
		f, _ := x.Float64()
		return f
	case []any:
		for i := range x {
			x[i] = numbers(x[i])
		}
	case map[string]any:
		for k := range x {
			x[k] = numbers(x[k])
		}
	}
	return x
}

var (
	_ dsl.Host    = (*Host)(nil)
	_ dsl.Site    = (*Site)(nil)
	_ dsl.Cluster = (*Cluster)(nil)
)
