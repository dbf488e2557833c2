package dsl

import (
	"strconv"
	"strings"

	"go.starlark.net/starlark"
)

// field is field(obj, path, default=None): what is found by following the path, a dotted text or a list of keys (for
// keys that hold dots). A number indexes a list. Something absent or None on the way gives the default.
func field(c *call) (starlark.Value, error) {
	var obj, where starlark.Value
	var def starlark.Value = starlark.None
	if err := c.unpack(&obj, &where, &def); err != nil {
		return nil, err
	}
	keys, err := c.keys(where)
	if err != nil {
		return nil, err
	}
	for i, key := range keys {
		if obj == starlark.None {
			return def, nil
		}
		if obj, err = c.follow(obj, key, keys[:i]); err != nil {
			return nil, err
		}
	}
	if obj == starlark.None {
		return def, nil
	}
	return obj, nil
}

// keys are the parts of a path.
func (c *call) keys(where starlark.Value) ([]string, error) {
	if s, ok := starlark.AsString(where); ok && s != "" {
		return strings.Split(s, "."), nil
	}
	list, ok := where.(*starlark.List)
	if !ok {
		return nil, c.errorf("bad-argument", "for parameter path: got %s, want a string or a list of keys", where.Type())
	}
	var keys []string
	for elem := range starlark.Elements(list) {
		if s, ok := starlark.AsString(elem); ok {
			keys = append(keys, s)
		} else {
			keys = append(keys, elem.String())
		}
	}
	return keys, nil
}

// follow is one step of a path; None when there is nothing.
func (c *call) follow(obj starlark.Value, key string, so []string) (starlark.Value, error) {
	switch obj := obj.(type) {
	case *starlark.Dict:
		v, found, err := obj.Get(starlark.String(key))
		if !found {
			v = starlark.None
		}
		return v, err
	case *starlark.List:
		i, err := strconv.Atoi(key)
		if err != nil {
			return nil, c.errorf("bad-argument", "%q is a list; got key %q, want an index", strings.Join(so, "."), key)
		}
		if i < 0 || i >= obj.Len() {
			return starlark.None, nil
		}
		return obj.Index(i), nil
	}
	return nil, c.errorf("bad-argument", "%q is a %s; want a dict or a list to look up %q in",
		strings.Join(so, "."), obj.Type(), key)
}
