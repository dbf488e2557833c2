package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// node is JSON whose objects keep the order of their fields: a result that is read back must be the one that was
// written, and the order of a dict is part of it.
type node struct {
	fields []field // of an object
	items  []*node // of a list
	kind   byte    // '{', '[' or 0
	scalar json.RawMessage
}

type field struct {
	name  string
	value *node
}

func parseTree(raw []byte) (*node, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber() // numbers come out as they went in
	n, err := parseNode(d)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON value")
	}
	return n, nil
}

func parseNode(d *json.Decoder) (*node, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	delim, ok := t.(json.Delim)
	if !ok {
		b, err := encode(t)
		return &node{scalar: bytes.TrimSuffix(b, []byte("\n"))}, err
	}
	n := &node{kind: byte(delim)}
	for d.More() {
		var f field
		if n.kind == '{' {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			f.name, _ = name.(string)
		}
		if f.value, err = parseNode(d); err != nil {
			return nil, err
		}
		if n.kind == '{' {
			n.fields = append(n.fields, f)
		} else {
			n.items = append(n.items, f.value)
		}
	}
	_, err = d.Token()
	return n, err
}

// get is the value of a field, nil when there is none.
func (n *node) get(name string) *node {
	if n == nil {
		return nil
	}
	for _, f := range n.fields {
		if f.name == name {
			return f.value
		}
	}
	return nil
}

// text is the string that n is; "" when it is none.
func (n *node) text() string {
	var s string
	if n == nil || json.Unmarshal(n.scalar, &s) != nil {
		return ""
	}
	return s
}

func (n *node) isNull() bool { return string(n.scalar) == "null" }

func (n *node) append(b []byte) []byte {
	switch n.kind {
	case '{':
		b = append(b, '{')
		for i, f := range n.fields {
			if i > 0 {
				b = append(b, ',')
			}
			name, _ := encode(f.name) // a string can always be encoded
			b = append(append(b, bytes.TrimSuffix(name, []byte("\n"))...), ':')
			b = f.value.append(b)
		}
		return append(b, '}')
	case '[':
		b = append(b, '[')
		for i, x := range n.items {
			if i > 0 {
				b = append(b, ',')
			}
			b = x.append(b)
		}
		return append(b, ']')
	}
	return append(b, n.scalar...)
}
