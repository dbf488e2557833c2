package dsl

import (
	"context"
	"errors"

	"github.com/rehearse-dev/rehearse/dsl/value"
	"go.starlark.net/starlark"
)

// This file defines the methods of site.management and site.workload(name) that write. Each is one request.

func create(c *call) (starlark.Value, error) { return c.write(Cluster.Create) }
func apply(c *call) (starlark.Value, error)  { return c.write(Cluster.Apply) }

// write sends a whole object.
func (c *call) write(send func(Cluster, context.Context, Object) (Object, error)) (starlark.Value, error) {
	k := c.recv.(kubernetes)
	var obj *starlark.Dict
	if err := errors.Join(c.unpack(&obj), k.scope.writable()); err != nil {
		return nil, err
	}
	plain, err := value.Plain(obj)
	if err != nil {
		return nil, c.errorf("bad-argument", "for parameter obj: %v", err)
	}
	o := plain.(map[string]any)
	r := refOf(o)
	if r.Kind == "" || r.Name == "" {
		return nil, c.errorf("bad-argument", "for parameter obj: got an object without a kind or a metadata.name")
	}
	o, err = send(k.api(), k.scope.ctx, o)
	return object(o, refused(err))
}

// refOf names an object, for messages.
func refOf(o Object) Ref {
	text := func(m Object, key string) string { s, _ := m[key].(string); return s }
	meta, _ := o["metadata"].(map[string]any)
	return Ref{Kind: text(o, "kind"), Namespace: text(meta, "namespace"), Name: text(meta, "name")}
}

func patch(c *call) (starlark.Value, error) {
	var r Ref
	var merge, ops starlark.Value
	if err := c.unpack(&r.Kind, &r.Name, &r.Namespace, &merge, &ops); err != nil {
		return nil, err
	}
	given := func(v starlark.Value) bool { return v != nil && v != starlark.None }
	_, isDict := merge.(*starlark.Dict)
	_, isList := ops.(*starlark.List)
	switch {
	case given(merge) == given(ops):
		return nil, c.errorf("bad-argument", "want exactly one of merge = {…} and json = […]")
	case isDict:
		return c.patch(r, MergePatch, merge)
	case isList:
		return c.patch(r, JSONPatch, ops)
	}
	return nil, c.errorf("bad-argument", "want a dict for merge and a list of operations for json")
}

// patch sends a patch.
func (c *call) patch(r Ref, t PatchType, content starlark.Value) (starlark.Value, error) {
	k := c.recv.(kubernetes)
	if err := k.scope.writable(); err != nil {
		return nil, err
	}
	plain, err := value.Plain(content)
	if err != nil {
		return nil, c.errorf("bad-argument", "for parameter %s: %v", t, err)
	}
	o, err := k.api().Patch(k.scope.ctx, r, t, plain)
	return object(o, refused(err))
}

func annotate(c *call) (starlark.Value, error) { return c.patchMetadata("annotations") }
func label(c *call) (starlark.Value, error)    { return c.patchMetadata("labels") }

// patchMetadata merges a dict of texts into the annotations or labels of an object.
func (c *call) patchMetadata(what string) (starlark.Value, error) {
	var r Ref
	var entries *starlark.Dict
	if err := c.unpack(&r.Kind, &r.Name, &entries, &r.Namespace); err != nil {
		return nil, err
	}
	texts := new(starlark.Dict)
	for _, item := range entries.Items() {
		v := item[1]
		switch v.(type) {
		case value.Version, value.Duration, value.Quantity:
			v = starlark.String(v.String())
		case starlark.String, starlark.NoneType:
		default:
			return nil, c.errorf("bad-argument", "for parameter %s: %v: got %s, want string or None", what, item[0], v.Type())
		}
		if err := texts.SetKey(item[0], v); err != nil {
			return nil, err
		}
	}
	return c.patch(r, MergePatch, nested(texts, "metadata", what))
}

// nested wraps v into dicts of one key, the outermost first.
func nested(v starlark.Value, keys ...string) *starlark.Dict {
	dict := starlark.NewDict(1)
	if len(keys) > 1 {
		v = nested(v, keys[1:]...)
	}
	_ = dict.SetKey(starlark.String(keys[0]), v) // a new dict takes any string
	return dict
}

func deleteObject(c *call) (starlark.Value, error) {
	k := c.recv.(kubernetes)
	var r Ref
	if err := errors.Join(c.unpack(&r.Kind, &r.Name, &r.Namespace), k.scope.writable()); err != nil {
		return nil, err
	}
	return starlark.None, refused(k.api().Delete(k.scope.ctx, r))
}
