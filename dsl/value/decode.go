package value

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"strconv"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// Decode reads what Encode wrote. Data that it did not write is an error.
func Decode(raw json.RawMessage) (starlark.Value, error) {
	d := decoder{json.NewDecoder(bytes.NewReader(raw))}
	d.UseNumber()
	v, err := d.value(0)
	if err != nil {
		return nil, fmt.Errorf("decode a recorded result: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("decode a recorded result: got more than one value")
	}
	return v, nil
}

type decoder struct{ *json.Decoder }

func (d decoder) value(depth int) (starlark.Value, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nested too deep")
	}
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case nil:
		return starlark.None, nil
	case bool:
		return starlark.Bool(token), nil
	case string:
		return starlark.String(token), nil
	case json.Number:
		return number(token.String())
	case json.Delim:
		if token == '[' {
			elems, err := d.elems(depth)
			return starlark.NewList(elems), err
		}
		return d.object(depth)
	}
	return nil, fmt.Errorf("got %v, want a value", token)
}

func number(s string) (starlark.Value, error) {
	if strings.ContainsAny(s, ".eE") {
		f, err := strconv.ParseFloat(s, 64)
		return starlark.Float(f), err
	}
	n, ok := new(big.Int).SetString(s, 10)
	if !ok {
		return nil, fmt.Errorf("got %s, want a number", s)
	}
	return starlark.MakeBigInt(n), nil
}

// elems reads the rest of a list.
func (d decoder) elems(depth int) ([]starlark.Value, error) {
	elems := []starlark.Value{}
	for d.More() {
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		elems = append(elems, v)
	}
	_, err := d.Token()
	return elems, err
}

// object reads the rest of an object: a tagged value or a dict.
func (d decoder) object(depth int) (starlark.Value, error) {
	dict := new(starlark.Dict)
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		key := token.(string)
		if tag, ok := strings.CutPrefix(key, "$"); ok {
			return d.tagged(tag, depth)
		}
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		if err := dict.SetKey(starlark.String(key), v); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return dict, err
}

func (d decoder) tagged(tag string, depth int) (starlark.Value, error) {
	content, err := d.value(depth) // a tag is no level of its own
	if err != nil {
		return nil, err
	}
	if end, err := d.Token(); err != nil || end != json.Delim('}') {
		return nil, fmt.Errorf("got more than one key beside $%s", tag)
	}
	read, ok := tags[tag]
	if !ok {
		return nil, fmt.Errorf("got tag $%s, want a tag that Encode writes", tag)
	}
	v, err := read(content)
	if err != nil {
		return nil, fmt.Errorf("$%s: %w", tag, err)
	}
	return v, nil
}

// tags reads the content of each tag.
var tags = map[string]func(starlark.Value) (starlark.Value, error){
	"bytes": func(v starlark.Value) (starlark.Value, error) {
		b, err := base64Of(v)
		return starlark.Bytes(b), err
	},
	"dict":     dictOfPairs,
	"duration": parsed(ParseDuration),
	"float": parsed(func(s string) (starlark.Float, error) {
		f, err := strconv.ParseFloat(s, 64)
		return starlark.Float(f), err
	}),
	"quantity": parsed(ParseQuantity),
	"set": func(v starlark.Value) (starlark.Value, error) {
		list, err := listIn(v)
		if err != nil {
			return nil, err
		}
		set := new(starlark.Set)
		for elem := range starlark.Elements(list) {
			if err := set.Insert(elem); err != nil {
				return nil, err
			}
		}
		return set, nil
	},
	"struct": func(v starlark.Value) (starlark.Value, error) {
		dict, ok := v.(*starlark.Dict)
		if !ok {
			return nil, got(v, "dict")
		}
		fields := starlark.StringDict{}
		for _, item := range dict.Items() {
			fields[string(item[0].(starlark.String))] = item[1]
		}
		return starlarkstruct.FromStringDict(starlarkstruct.Default, fields), nil
	},
	"text": func(v starlark.Value) (starlark.Value, error) {
		b, err := base64Of(v)
		return starlark.String(b), err
	},
	"tuple": func(v starlark.Value) (starlark.Value, error) {
		list, err := listIn(v)
		if err != nil {
			return nil, err
		}
		tuple := starlark.Tuple{}
		for elem := range starlark.Elements(list) {
			tuple = append(tuple, elem)
		}
		return tuple, nil
	},
	"version": parsed(ParseVersion),
}

func parsed[T starlark.Value](parse func(string) (T, error)) func(starlark.Value) (starlark.Value, error) {
	return func(v starlark.Value) (starlark.Value, error) {
		s, ok := v.(starlark.String)
		if !ok {
			return nil, got(v, "string")
		}
		return parse(string(s))
	}
}

func base64Of(v starlark.Value) ([]byte, error) {
	s, ok := v.(starlark.String)
	if !ok {
		return nil, got(v, "string")
	}
	return base64.StdEncoding.DecodeString(string(s))
}

func listIn(v starlark.Value) (*starlark.List, error) {
	list, ok := v.(*starlark.List)
	if !ok {
		return nil, got(v, "list")
	}
	return list, nil
}

func dictOfPairs(v starlark.Value) (starlark.Value, error) {
	list, err := listIn(v)
	if err != nil {
		return nil, err
	}
	dict := new(starlark.Dict)
	for elem := range starlark.Elements(list) {
		pair, err := listIn(elem)
		if err != nil || pair.Len() != 2 {
			return nil, fmt.Errorf("got %v, want a pair", elem)
		}
		if err := dict.SetKey(pair.Index(0), pair.Index(1)); err != nil {
			return nil, err
		}
	}
	return dict, nil
}
