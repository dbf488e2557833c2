package value

import (
	"fmt"
	"maps"
	"slices"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// maxDepth bounds how deep data may nest; a list that contains itself ends here.
const maxDepth = 200

// Of is plain Go data (as encoding/json decodes it, numbers int64 or float64) as a Starlark value. Keys are sorted.
func Of(x any) (starlark.Value, error) {
	switch x := x.(type) {
	case nil:
		return starlark.None, nil
	case bool:
		return starlark.Bool(x), nil
	case string:
		return starlark.String(x), nil
	case int:
		return starlark.MakeInt(x), nil
	case int64:
		return starlark.MakeInt64(x), nil
	case float64:
		return starlark.Float(x), nil
	case []any:
		return listOf(x)
	case map[string]any:
		return dictOf(x)
	}
	return nil, fmt.Errorf("got Go type %T, want plain data", x)
}

func listOf(xs []any) (starlark.Value, error) {
	elems := make([]starlark.Value, len(xs))
	for i, x := range xs {
		v, err := Of(x)
		if err != nil {
			return nil, err
		}
		elems[i] = v
	}
	return starlark.NewList(elems), nil
}

func dictOf(m map[string]any) (starlark.Value, error) {
	d := starlark.NewDict(len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		v, err := Of(m[k])
		if err != nil {
			return nil, err
		}
		if err := d.SetKey(starlark.String(k), v); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// Plain is a Starlark value as plain Go data: what Of accepts. Versions, durations and quantities become their text,
// structs become maps, tuples and sets lists.
func Plain(v starlark.Value) (any, error) { return plain(v, "", 0) }

func plain(v starlark.Value, path string, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("%snested deeper than %d levels", at(path), maxDepth)
	}
	switch v := v.(type) {
	case starlark.NoneType:
		return nil, nil
	case starlark.Bool:
		return bool(v), nil
	case starlark.String:
		return string(v), nil
	case starlark.Float:
		return float64(v), nil
	case starlark.Int:
		n, ok := v.Int64()
		if !ok {
			return nil, fmt.Errorf("%sgot %v, want an integer of 64 bits", at(path), v)
		}
		return n, nil
	case Version, Duration, Quantity:
		return v.String(), nil
	case *starlarkstruct.Struct:
		m := map[string]any{}
		for _, name := range v.AttrNames() {
			field, err := v.Attr(name)
			if err != nil {
				return nil, err
			}
			if m[name], err = plain(field, path+"."+name, depth+1); err != nil {
				return nil, err
			}
		}
		return m, nil
	case *starlark.Dict:
		m := map[string]any{}
		for _, item := range v.Items() {
			k, ok := item[0].(starlark.String)
			if !ok {
				return nil, fmt.Errorf("%sgot key %v of type %s, want string", at(path), item[0], item[0].Type())
			}
			var err error
			if m[string(k)], err = plain(item[1], path+"."+string(k), depth+1); err != nil {
				return nil, err
			}
		}
		return m, nil
	case *starlark.List, starlark.Tuple, *starlark.Set:
		list := []any{}
		i := 0
		for elem := range starlark.Elements(v.(starlark.Iterable)) {
			x, err := plain(elem, fmt.Sprintf("%s[%d]", path, i), depth+1)
			if err != nil {
				return nil, err
			}
			list, i = append(list, x), i+1
		}
		return list, nil
	}
	return nil, fmt.Errorf("%sgot %s, want plain data", at(path), v.Type())
}

// at is the prefix that says where in the data an error is.
func at(path string) string {
	if path == "" {
		return ""
	}
	if path[0] == '.' {
		path = path[1:]
	}
	return path + ": "
}
