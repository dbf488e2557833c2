package dsl

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rehearse-dev/rehearse/dsl/value"
	"go.starlark.net/starlark"
)

// This file defines the methods of site.management and site.workload(name) that read.

// kubernetes is the API of one cluster.
type kubernetes struct {
	part
	cluster string // "" is the management cluster
}

// Attr binds a method to the cluster, not only to the part.
func (k kubernetes) Attr(name string) (starlark.Value, error) {
	return method(k.kind, name, k.shown, k), nil
}

func (k kubernetes) api() Cluster { return k.scope.site.Cluster(k.cluster) }

// String is Kind namespace/name; group and version are left out.
func (r Ref) String() string {
	kind, _, _ := strings.Cut(r.Kind, ".")
	name := r.Name
	if r.Namespace != "" {
		name = r.Namespace + "/" + name
	}
	return strings.TrimSpace(kind + " " + strings.TrimSuffix(name, "/"))
}

func get(c *call) (starlark.Value, error) {
	k := c.recv.(kubernetes)
	var r Ref
	var def starlark.Value
	if err := errors.Join(c.unpack(&r.Kind, &r.Name, &r.Namespace, &def), k.scope.open()); err != nil {
		return nil, err
	}
	o, err := k.api().Get(k.scope.ctx, r)
	if def != nil && errors.Is(err, ErrNotFound) {
		return def, nil
	}
	return object(o, refused(err))
}

func list(c *call) (starlark.Value, error) {
	k := c.recv.(kubernetes)
	var r Ref
	var selector starlark.Value = starlark.String("")
	if err := errors.Join(c.unpack(&r.Kind, &r.Namespace, &selector), k.scope.open()); err != nil {
		return nil, err
	}
	labels, err := c.selector(selector)
	if err != nil {
		return nil, err
	}
	os, err := k.api().List(k.scope.ctx, r.Kind, r.Namespace, labels)
	return objects(os, refused(err))
}

// selector is a label selector: text as kubectl takes it, or a dict of labels.
func (c *call) selector(v starlark.Value) (string, error) {
	if s, ok := starlark.AsString(v); ok {
		return s, nil
	}
	plain, err := value.Plain(v)
	if err != nil {
		return "", c.errorf("bad-argument", "for parameter selector: %v", err)
	}
	labels, ok := plain.(map[string]any)
	if !ok {
		return "", c.errorf("bad-argument", "for parameter selector: got %s, want string or dict", v.Type())
	}
	var terms []string
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		terms = append(terms, fmt.Sprintf("%s=%v", key, labels[key]))
	}
	return strings.Join(terms, ","), nil
}

func events(c *call) (starlark.Value, error) {
	k := c.recv.(kubernetes)
	var r Ref
	if err := errors.Join(c.unpack(&r.Kind, &r.Name, &r.Namespace), k.scope.open()); err != nil {
		return nil, err
	}
	os, err := k.api().Events(k.scope.ctx, r)
	return objects(os, refused(err))
}

// ping reads a namespace that every cluster has.
func ping(c *call) (starlark.Value, error) {
	k := c.recv.(kubernetes)
	if err := errors.Join(c.unpack(), k.scope.open()); err != nil {
		return nil, err
	}
	_, err := k.api().Get(k.scope.ctx, Ref{Kind: "Namespace", Name: "kube-system"})
	if err == nil || k.scope.ctx.Err() != nil {
		return starlark.None, k.scope.ctx.Err()
	}
	return starlark.String(err.Error()), nil
}

func object(o Object, err error) (starlark.Value, error) {
	if err != nil {
		return nil, err
	}
	return value.Of(o)
}

func objects(os []Object, err error) (starlark.Value, error) {
	if err != nil {
		return nil, err
	}
	elems := make([]starlark.Value, len(os))
	for i, o := range os {
		if elems[i], err = value.Of(o); err != nil {
			return nil, err
		}
	}
	return starlark.NewList(elems), nil
}
