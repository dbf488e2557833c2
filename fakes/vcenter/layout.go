package vcenter

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Place says where machines of the site live, in the words of a VSphereMachineTemplate (or of a failure domain):
// inventory paths, or names as govmomi's Finder resolves them. An empty field means vCenter's default.
type Place struct {
	Datacenter   string   // "DC1", "/DC1" or "*"
	Folder       string   // "/DC1/vm/prod", "vm/prod" or "prod"
	ResourcePool string   // "/DC1/host/cluster-1/Resources/p", "cluster-1/Resources/p" or "p"
	Datastore    string   // "/DC1/datastore/datastore-1" or "datastore-1"
	Networks     []string // "/DC1/network/VM Network" or "VM Network"
}

// kind is a kind of inventory object, named after the datacenter's folder that holds it.
type kind string

const (
	folders    kind = "vm"
	pools      kind = "host"
	datastores kind = "datastore"
	networks   kind = "network"
)

// rootPool is the name of every cluster's own resource pool.
const rootPool = "Resources"

// defaults are made in a datacenter in which no place names an object of that kind.
var defaults = []struct {
	kind kind
	path string
}{
	{pools, "cluster-1/" + rootPool},
	{datastores, "datastore-1"},
	{networks, "VM Network"},
}

// layout is an inventory as absolute paths, in the order of their creation: a parent stands before its children and
// the first of a kind in a datacenter is its default.
type layout struct {
	datacenters []string
	paths       map[kind][]string
}

// plan lays out an inventory in which every place is found under exactly the names that it uses.
func plan(places []Place) (*layout, error) {
	l := &layout{paths: map[kind][]string{}}
	if err := l.planDatacenters(places); err != nil {
		return nil, err
	}
	for _, bare := range []bool{false, true} { // paths first: a bare name may mean what a path has made
		for _, p := range places {
			if err := l.planPlace(p, bare); err != nil {
				return nil, err
			}
		}
	}
	for _, dc := range l.datacenters {
		for _, d := range defaults {
			if l.first(dc, d.kind) == "" {
				l.add(d.kind, path.Join(dc, string(d.kind), d.path))
			}
		}
	}
	return l, nil
}

// planDatacenters collects the datacenters that paths or fields name; the first one is the default.
func (l *layout) planDatacenters(places []Place) error {
	for _, p := range places { // paths first: they tell in which folder a datacenter stands
		for _, n := range p.names() {
			if strings.HasPrefix(n.name, "/") {
				dc, _, err := split(n.kind, n.name)
				if err != nil {
					return err
				}
				l.addDatacenter(dc)
			}
		}
	}
	for _, p := range places {
		if name := strings.Trim(p.Datacenter, "/*"); name != "" && l.datacenter(name) == "" {
			l.addDatacenter("/" + name)
		}
	}
	if len(l.datacenters) == 0 {
		l.addDatacenter("/Datacenter")
	}
	for i, dc := range l.datacenters {
		if other := l.datacenter(dc); other != l.datacenters[i] {
			return fmt.Errorf("datacenter %q: got two, %s and %s, want distinct names", path.Base(dc), other, dc)
		}
	}
	return nil
}

func (l *layout) planPlace(p Place, bare bool) error {
	dc, err := l.of(p)
	if err != nil {
		return err
	}
	for _, n := range p.names() {
		if strings.Contains(n.name, "/") == bare {
			continue
		}
		full, err := l.resolve(dc, n.kind, n.name)
		if err != nil {
			return err
		}
		l.add(n.kind, full)
	}
	return nil
}

// resolve finds the absolute path that a name means in a datacenter. As in govmomi's Finder, a path is relative to
// the datacenter (folders) or to the datacenter's folder of its kind, and a bare name may stand anywhere below.
func (l *layout) resolve(dc string, k kind, name string) (string, error) {
	base := path.Join(dc, string(k))
	full := name
	switch {
	case name == "" && k == folders:
		return base, nil
	case name == "":
		return l.first(dc, k), nil
	case strings.HasPrefix(name, "/"):
	case strings.Contains(name, "/") && k == folders:
		full = path.Join(dc, name)
	case strings.Contains(name, "/"):
		full = path.Join(base, name)
	default:
		return l.find(dc, k, name), nil
	}
	_, _, err := split(k, full)
	return path.Clean(full), err
}

// find resolves a bare name: what is there under it, else where plan makes it.
func (l *layout) find(dc string, k kind, name string) string {
	base := path.Join(dc, string(k))
	for _, p := range l.paths[k] {
		if strings.HasPrefix(p, base+"/") && path.Base(p) == name {
			return p
		}
	}
	if k != pools {
		return path.Join(base, name)
	}
	root := l.first(dc, pools)
	if root == "" {
		root = path.Join(base, defaults[0].path)
	}
	if name == rootPool {
		return root
	}
	return path.Join(root, name)
}

// split cuts a path at the datacenter's folder of its kind, and refuses what this fake cannot lay out:
// "/a/DC1/vm/x/y" is the folder "x/y" of "/a/DC1".
func split(k kind, full string) (dc, rest string, err error) {
	parts := strings.Split(strings.Trim(full, "/"), "/")
	i := slices.Index(parts, string(k))
	if i < 1 {
		return "", "", fmt.Errorf("inventory path %q: got no datacenter and folder, want /DATACENTER/%s/…", full, k)
	}
	dc, inside := "/"+strings.Join(parts[:i], "/"), parts[i+1:]
	switch root := slices.Index(inside, rootPool); {
	case k == pools && root < 1:
		err = fmt.Errorf("inventory path %q: got no cluster and pool, want …/CLUSTER/%s", full, rootPool)
	case (k == datastores || k == networks) && len(inside) != 1:
		err = fmt.Errorf("inventory path %q: got %d names below %s, want 1 (folders of %ss are not modelled)",
			full, len(inside), k, k)
	}
	return dc, strings.Join(inside, "/"), err
}

// add lays out a path and, of folders and resource pools, the parents that it needs.
func (l *layout) add(k kind, full string) {
	if slices.Contains(l.paths[k], full) {
		return
	}
	switch _, rest, _ := split(k, full); {
	case rest == "": // the datacenter's own folder is always there
		return
	case k == folders && strings.Contains(rest, "/"), k == pools && path.Base(full) != rootPool:
		l.add(k, path.Dir(full))
	}
	l.paths[k] = append(l.paths[k], full)
}

func (l *layout) addDatacenter(dc string) {
	if !slices.Contains(l.datacenters, dc) {
		l.datacenters = append(l.datacenters, dc)
	}
}

// datacenter finds a datacenter by name or path; "" when there is none.
func (l *layout) datacenter(name string) string {
	i := slices.IndexFunc(l.datacenters, func(dc string) bool { return path.Base(dc) == path.Base(name) })
	if i < 0 {
		return ""
	}
	return l.datacenters[i]
}

// of is the datacenter of a place: the one it names, else that of its first path, else the default. "*" is what
// CAPV's webhook makes of an empty field.
func (l *layout) of(p Place) (string, error) {
	if name := strings.Trim(p.Datacenter, "/*"); name != "" {
		if dc := l.datacenter(name); dc != "" {
			return dc, nil
		}
		return "", fmt.Errorf("datacenter %q: got none of this name, want one of %v", p.Datacenter, l.datacenters)
	}
	for _, n := range p.names() {
		if strings.HasPrefix(n.name, "/") {
			dc, _, err := split(n.kind, n.name)
			return dc, err
		}
	}
	return l.datacenters[0], nil
}

// first is the default object of a kind in a datacenter.
func (l *layout) first(dc string, k kind) string {
	prefix := path.Join(dc, string(k)) + "/"
	i := slices.IndexFunc(l.paths[k], func(p string) bool { return strings.HasPrefix(p, prefix) })
	if i < 0 {
		return ""
	}
	return l.paths[k][i]
}

type named struct {
	kind kind
	name string
}

// names are the fields of a place that say something.
func (p Place) names() []named {
	all := []named{{folders, p.Folder}, {pools, p.ResourcePool}, {datastores, p.Datastore}}
	for _, n := range p.Networks {
		all = append(all, named{networks, n})
	}
	return slices.DeleteFunc(all, func(n named) bool { return n.name == "" })
}
