package dsl

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rehearse-dev/rehearse/dsl/diag"
	"github.com/rehearse-dev/rehearse/dsl/value"
	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// Param is a parameter that a runbook declares.
type Param struct {
	Name, Kind, Doc string
	Required        bool
	Default         string   // as text; "" when Required
	OneOf           []string // of an enum, and of a version that is restricted
	Pos             Position
}

// kinds reads the text of a parameter, by its kind: the builtin's name behind "param.".
var kinds = map[string]func(string) (starlark.Value, error){
	"bool": func(s string) (starlark.Value, error) {
		b, err := strconv.ParseBool(s)
		if err != nil {
			return nil, fmt.Errorf("got %q, want true or false", s)
		}
		return starlark.Bool(b), nil
	},
	"duration": func(s string) (starlark.Value, error) { return value.ParseDuration(s) },
	"enum":     func(s string) (starlark.Value, error) { return starlark.String(s), nil },
	"int": func(s string) (starlark.Value, error) {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("got %q, want an integer", s)
		}
		return starlark.MakeInt64(n), nil
	},
	"name": func(s string) (starlark.Value, error) {
		if !objectName.MatchString(s) || len(s) > 253 {
			return nil, fmt.Errorf("got %q, want the name of an object: small letters, digits, dots and hyphens", s)
		}
		return starlark.String(s), nil
	},
	"string":  func(s string) (starlark.Value, error) { return starlark.String(s), nil },
	"version": func(s string) (starlark.Value, error) { return value.ParseVersion(s) },
}

var objectName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)

// parse reads a text as a value of the parameter.
func (p Param) parse(text string) (starlark.Value, error) {
	v, err := kinds[p.Kind](text)
	if err != nil {
		return nil, err
	}
	if p.OneOf == nil {
		return v, nil
	}
	for _, option := range p.OneOf {
		o, err := kinds[p.Kind](option)
		if err != nil {
			return nil, err
		}
		if same, err := starlark.Equal(v, o); err != nil || same {
			return o, err
		}
	}
	return nil, diag.New("", "got %q, want one of %s", text, strings.Join(p.OneOf, ", ")).
		Hint(diag.DidYouMean(text, p.OneOf))
}

// declareParam is param.<kind>(doc, default=).
func declareParam(c *call) (starlark.Value, error) {
	p := c.param()
	var def starlark.Value
	if err := c.unpack(&p.Doc, &def); err != nil {
		return nil, err
	}
	return c.declared(p, def)
}

// declareVersion is param.version(doc, default=, one_of=).
func declareVersion(c *call) (starlark.Value, error) {
	p := c.param()
	var def, oneOf starlark.Value
	if err := c.unpack(&p.Doc, &def, &oneOf); err != nil {
		return nil, err
	}
	if oneOf != nil && oneOf != starlark.None {
		seq, ok := oneOf.(starlark.Iterable)
		if !ok {
			return nil, c.errorf("bad-argument", "for parameter one_of: got %s, want a list of versions", oneOf.Type())
		}
		for elem := range starlark.Elements(seq) {
			p.OneOf = append(p.OneOf, textOf(elem))
		}
	}
	return c.declared(p, def)
}

// declareEnum is param.enum(options, doc, default=).
func declareEnum(c *call) (starlark.Value, error) {
	p := c.param()
	var def starlark.Value
	if err := c.unpack(&p.OneOf, &p.Doc, &def); err != nil {
		return nil, err
	}
	if len(p.OneOf) == 0 {
		return nil, c.errorf("bad-argument", "for parameter options: got an empty list")
	}
	return c.declared(p, def)
}

// param is a parameter of the kind that the builtin declares.
func (c *call) param() Param {
	return Param{Kind: strings.TrimPrefix(c.builtin.Name, "param."), Pos: c.pos()}
}

// declared checks the options and the default by reading them as a caller's text is read.
func (c *call) declared(p Param, def starlark.Value) (starlark.Value, error) {
	for _, option := range p.OneOf {
		if _, err := p.parse(option); err != nil {
			return nil, c.errorf("bad-argument", "%v", err)
		}
	}
	p.Required = def == nil || def == starlark.None
	if !p.Required {
		p.Default = textOf(def)
		if _, err := p.parse(p.Default); err != nil {
			return nil, c.errorf("bad-argument", "for parameter default: %v", err)
		}
	}
	return token[Param]{"param", p}, nil
}

func textOf(v starlark.Value) string {
	if s, ok := starlark.AsString(v); ok {
		return s
	}
	return v.String()
}

// paramsOf reads the params dict of runbook().
func paramsOf(c *call, dict *starlark.Dict) ([]Param, error) {
	var params []Param
	if dict == nil {
		return nil, nil
	}
	for _, item := range dict.Items() {
		name, ok := starlark.AsString(item[0])
		if !ok || !identifier.MatchString(name) {
			return nil, c.errorf("bad-argument", "for parameter params: got key %v, want a name such as cluster", item[0])
		}
		p, ok := item[1].(token[Param])
		if !ok {
			return nil, c.errorf("bad-argument", "for parameter params: %s: got %s, want param", name, item[1].Type()).
				Hint(`declare it: "` + name + `": param.string("what it is")`)
		}
		p.of.Name = name
		params = append(params, p.of)
	}
	return params, nil
}

var identifier = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// Params are parameters bound to a runbook.
type Params struct {
	names  []string
	values starlark.StringDict
}

// Strings are the values as text, the defaults included: what the journal records and Bind reads back.
func (p Params) Strings() map[string]string {
	text := map[string]string{}
	for name, v := range p.values {
		text[name] = textOf(v)
	}
	return text
}

// value is p of run(ctx, p).
func (p Params) value() starlark.Value {
	s := starlarkstruct.FromStringDict(starlarkstruct.Default, p.values)
	s.Freeze()
	return s
}

// Bind reads the parameters of a run. Everything that is missing, unknown or of the wrong kind is reported at once, as
// diag.Diagnostics of stage bind.
func (rb *Runbook) Bind(given map[string]string) (Params, error) {
	var wrong diag.List
	report := func(pos Position, d *diag.Diagnostic) { wrong = append(wrong, rb.prog.at(diag.Bind, pos, d)) }
	bound := Params{values: starlark.StringDict{}}
	for _, p := range rb.Params {
		bound.names = append(bound.names, p.Name)
		text, ok := given[p.Name]
		switch {
		case !ok && p.Required:
			report(p.Pos, diag.New("param-missing", "parameter %s is missing: %s", p.Name, p.Doc).
				Hint(fmt.Sprintf("add --param %s=%s", p.Name, strings.ToUpper(p.Kind))))
			continue
		case !ok:
			text = p.Default
		}
		v, err := p.parse(text)
		if err != nil {
			report(p.Pos, invalid(p, err))
			continue
		}
		bound.values[p.Name] = v
	}
	for name := range given {
		if !slices.Contains(bound.names, name) {
			report(rb.Pos, diag.New("param-unknown", "runbook %s has no parameter %q", rb.Name, name).
				Hint(diag.DidYouMean(name, bound.names)))
		}
	}
	wrong.Sort()
	return bound, wrong.Or()
}

func invalid(p Param, err error) *diag.Diagnostic {
	d := diag.New("param-invalid", "parameter %s: %v", p.Name, err)
	if all := diag.All(err); len(all) > 0 {
		d.Message, d.Hints = "parameter "+p.Name+": "+all[0].Message, all[0].Hints
	}
	return d
}
