package value

import (
	"errors"
	"fmt"
	"strings"

	"github.com/rehearse-dev/rehearse/dsl/diag"
	"go.starlark.net/starlark"
)

// Signature says how a builtin is called, in Starlark's own notation: `id, fn, *args, timeout, doc=""`. A parameter
// with a default is optional; one after * or *args is given by keyword only.
type Signature struct {
	text   string
	params []param
}

type param struct {
	name              string
	optional, keyword bool
	rest              bool // *args
}

// Sig reads a signature that is written in our own tables; a malformed one panics.
func Sig(text string) Signature {
	s := Signature{text: text}
	keyword := false
	for _, part := range strings.Split(text, ", ") {
		name, _, optional := strings.Cut(part, "=")
		star := strings.HasPrefix(name, "*")
		switch name = strings.TrimPrefix(name, "*"); {
		case text == "":
			return s
		case star && name == "":
			keyword = true
		case name == "" || strings.ContainsAny(name, " ()"):
			panic(fmt.Sprintf("signature %q: parameter %q", text, part))
		default:
			s.params = append(s.params, param{name: name, optional: optional, keyword: keyword, rest: star})
			keyword = keyword || star
		}
	}
	return s
}

func (s Signature) String() string { return "(" + s.text + ")" }

// Keywords are the names that a caller may write before an equals sign.
func (s Signature) Keywords() []string {
	var names []string
	for _, p := range s.params {
		if !p.rest {
			names = append(names, p.name)
		}
	}
	return names
}

// Unpack sets into, one pointer per parameter in the order of the signature, from the arguments of a call of name.
// An optional parameter that is absent or None leaves its pointer alone; only a *starlark.Value takes None for a value.
// A pointer may be to a starlark.Value, a starlark.Callable, *starlark.Dict, string, bool, int, []string,
// starlark.Tuple for *args, or a starlark.Unpacker.
func (s Signature) Unpack(name string, args starlark.Tuple, kwargs []starlark.Tuple, into ...any) error {
	if len(into) != len(s.params) {
		panic(fmt.Sprintf("%s%s: %d pointers", name, s, len(into)))
	}
	values := make([]starlark.Value, len(s.params))
	if err := s.positional(name, args, values); err != nil {
		return err
	}
	for _, kw := range kwargs {
		if err := s.keyword(name, string(kw[0].(starlark.String)), kw[1], values); err != nil {
			return err
		}
	}
	for i, p := range s.params {
		switch {
		case values[i] == nil && !p.optional && !p.rest:
			return diag.New("bad-argument", "%s: missing argument for parameter %s", name, p.name).
				Hint("the signature is " + name + s.String())
		case values[i] == nil || values[i] == starlark.None && p.optional && !takesNone(into[i]):
		default:
			if err := set(into[i], values[i]); err != nil {
				return diag.New("bad-argument", "%s: for parameter %s: %v", name, p.name, err)
			}
		}
	}
	return nil
}

func (s Signature) positional(name string, args starlark.Tuple, values []starlark.Value) error {
	for i, p := range s.params {
		switch {
		case p.rest:
			values[i], args = args, nil
		case !p.keyword && len(args) > 0:
			values[i], args = args[0], args[1:]
		}
	}
	if len(args) > 0 {
		return diag.New("bad-argument", "%s: got %d positional arguments too many", name, len(args)).
			Hint("the signature is " + name + s.String())
	}
	return nil
}

func (s Signature) keyword(name, key string, v starlark.Value, values []starlark.Value) error {
	for i, p := range s.params {
		switch {
		case p.name != key || p.rest:
		case values[i] != nil:
			return diag.New("bad-argument", "%s: got two values for parameter %s", name, key)
		default:
			values[i] = v
			return nil
		}
	}
	return diag.New("unknown-keyword", "%s: unexpected keyword argument %q", name, key).
		Hint(diag.DidYouMean(key, s.Keywords()))
}

// takesNone reports whether None is a value of its own there.
func takesNone(into any) bool {
	_, ok := into.(*starlark.Value)
	return ok
}

// set stores v where into points.
func set(into any, v starlark.Value) error {
	ok, want := false, ""
	switch into := into.(type) {
	case *starlark.Value:
		*into, ok = v, true
	case starlark.Unpacker:
		return into.Unpack(v)
	case *starlark.Tuple:
		*into, ok = v.(starlark.Tuple)
		want = "tuple"
	case *starlark.Callable:
		*into, ok = v.(starlark.Callable)
		want = "function"
	case **starlark.Dict:
		*into, ok = v.(*starlark.Dict)
		want = "dict"
	case *string:
		*into, ok = starlark.AsString(v)
		want = "string"
	case *bool:
		var b starlark.Bool
		b, ok = v.(starlark.Bool)
		*into, want = bool(b), "bool"
	case *int:
		n, err := starlark.AsInt32(v)
		*into, ok, want = n, err == nil, "int"
	case *[]string:
		var err error
		if *into, err = stringsOf(v); err != nil {
			return err
		}
		ok = true
	default:
		panic(fmt.Sprintf("unpack into %T", into))
	}
	if !ok {
		return got(v, want)
	}
	return nil
}

func stringsOf(v starlark.Value) ([]string, error) {
	seq, ok := v.(starlark.Iterable)
	if _, isDict := v.(*starlark.Dict); !ok || isDict {
		return nil, got(v, "list of strings")
	}
	var list []string
	for elem := range starlark.Elements(seq) {
		s, ok := starlark.AsString(elem)
		if !ok {
			return nil, errors.New("got a list with " + elem.Type() + ", want a list of strings")
		}
		list = append(list, s)
	}
	return list, nil
}

// got is the wording for a value of the wrong type.
func got(v starlark.Value, want string) error { return fmt.Errorf("got %s, want %s", v.Type(), want) }
