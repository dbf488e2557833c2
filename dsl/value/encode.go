package value

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// maxEncoded bounds the result of one step in the journal.
const maxEncoded = 16 << 20

// Encode writes data as JSON that Decode reads back without a difference: the order of a dict, int and float, tuple and
// list stay apart. What JSON has no form for is an object with one key that starts with $. Functions and other values
// that are not data are an error that says where they are.
func Encode(v starlark.Value) (json.RawMessage, error) {
	var e encoder
	if err := e.value(v, "", 0); err != nil {
		return nil, err
	}
	return e.Bytes(), nil
}

type encoder struct{ bytes.Buffer }

func (e *encoder) value(v starlark.Value, path string, depth int) error {
	switch {
	case depth > maxDepth:
		return fmt.Errorf("%snested deeper than %d levels", at(path), maxDepth)
	case e.Len() > maxEncoded:
		return fmt.Errorf("%sgot more than %d MiB of data", at(path), maxEncoded>>20)
	}
	switch v := v.(type) {
	case starlark.NoneType:
		e.WriteString("null")
	case starlark.Bool:
		e.WriteString(strconv.FormatBool(bool(v)))
	case starlark.Int:
		e.WriteString(v.String())
	case starlark.Float:
		return e.float(float64(v))
	case starlark.String:
		return e.text(string(v))
	case starlark.Bytes:
		return e.tag("bytes", func() error { return e.string(base64.StdEncoding.EncodeToString([]byte(v))) })
	case Version:
		return e.tag("version", func() error { return e.string(v.String()) })
	case Duration:
		return e.tag("duration", func() error { return e.string(v.String()) })
	case Quantity:
		return e.tag("quantity", func() error { return e.string(v.String()) })
	case *starlark.List:
		return e.list(v, path, depth)
	case starlark.Tuple:
		return e.tag("tuple", func() error { return e.list(v, path, depth) })
	case *starlark.Set:
		return e.tag("set", func() error { return e.list(v, path, depth) })
	case *starlark.Dict:
		return e.dict(v, path, depth)
	case *starlarkstruct.Struct:
		return e.tag("struct", func() error { return e.fields(v, path, depth) })
	default:
		return fmt.Errorf("%sgot %s, want plain data", at(path), v.Type())
	}
	return nil
}

func (e *encoder) tag(name string, content func() error) error {
	fmt.Fprintf(e, `{"$%s":`, name)
	defer e.WriteByte('}')
	return content()
}

// text is a string; one that is not UTF-8 is tagged, since JSON would change it.
func (e *encoder) text(s string) error {
	if !utf8.ValidString(s) {
		return e.tag("text", func() error { return e.string(base64.StdEncoding.EncodeToString([]byte(s))) })
	}
	return e.string(s)
}

func (e *encoder) string(s string) error {
	enc := json.NewEncoder(e)
	enc.SetEscapeHTML(false)
	err := enc.Encode(s)
	e.Truncate(e.Len() - 1) // Encode adds a newline
	return err
}

func (e *encoder) float(f float64) error {
	s := strconv.FormatFloat(f, 'g', -1, 64)
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return e.tag("float", func() error { return e.string(s) })
	case !strings.ContainsAny(s, ".e"):
		s += ".0"
	}
	e.WriteString(s)
	return nil
}

func (e *encoder) list(elems starlark.Iterable, path string, depth int) error {
	e.WriteByte('[')
	i := 0
	for elem := range starlark.Elements(elems) {
		if i > 0 {
			e.WriteByte(',')
		}
		if err := e.value(elem, fmt.Sprintf("%s[%d]", path, i), depth+1); err != nil {
			return err
		}
		i++
	}
	e.WriteByte(']')
	return nil
}

// dict is an object when every key is a string that no tag looks like, else a list of pairs.
func (e *encoder) dict(d *starlark.Dict, path string, depth int) error {
	for _, k := range d.Keys() {
		if s, ok := k.(starlark.String); !ok || strings.HasPrefix(string(s), "$") || !utf8.ValidString(string(s)) {
			return e.tag("dict", func() error { return e.pairs(d, path, depth) })
		}
	}
	e.WriteByte('{')
	for i, item := range d.Items() {
		if i > 0 {
			e.WriteByte(',')
		}
		k := string(item[0].(starlark.String))
		e.string(k)
		e.WriteByte(':')
		if err := e.value(item[1], path+"."+k, depth+1); err != nil {
			return err
		}
	}
	e.WriteByte('}')
	return nil
}

func (e *encoder) pairs(d *starlark.Dict, path string, depth int) error {
	e.WriteByte('[')
	for i, item := range d.Items() {
		if i > 0 {
			e.WriteByte(',')
		}
		if err := e.list(starlark.Tuple(item), fmt.Sprintf("%s[%s]", path, item[0]), depth+1); err != nil {
			return err
		}
	}
	e.WriteByte(']')
	return nil
}

func (e *encoder) fields(s *starlarkstruct.Struct, path string, depth int) error {
	if s.Constructor() != starlarkstruct.Default {
		return fmt.Errorf("%sgot %s, want plain data", at(path), s.Constructor())
	}
	e.WriteByte('{')
	for i, name := range s.AttrNames() {
		if i > 0 {
			e.WriteByte(',')
		}
		field, err := s.Attr(name)
		if err != nil {
			return err
		}
		e.string(name)
		e.WriteByte(':')
		if err := e.value(field, path+"."+name, depth+1); err != nil {
			return err
		}
	}
	e.WriteByte('}')
	return nil
}
