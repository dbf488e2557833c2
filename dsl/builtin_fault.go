package dsl

import (
	"fmt"
	"strings"

	"github.com/rehearse-dev/rehearse/dsl/diag"
	"github.com/rehearse-dev/rehearse/dsl/value"
	"go.starlark.net/starlark"
)

// This file defines fault.NAME(…), and the moments at which a fault comes and goes.

// faultNames is `fault`: any attribute is a fault. The language does not know the table of faults; whoever does checks
// the calls once the file is loaded, and knows where they stand.
type faultNames struct{}

func (faultNames) String() string        { return "<fault>" }
func (faultNames) Type() string          { return "fault" }
func (faultNames) Freeze()               {}
func (faultNames) Truth() starlark.Bool  { return true }
func (faultNames) Hash() (uint32, error) { return 0, diag.New("script-error", "unhashable: fault") }
func (faultNames) AttrNames() []string   { return nil }

// Attr is the fault of that name, with underscores for the hyphens of its id.
func (faultNames) Attr(name string) (starlark.Value, error) {
	id := strings.ReplaceAll(name, "_", "-")
	return starlark.NewBuiltin("fault."+name, func(t *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		f, err := faultCall(&call{thread: t, env: envOf(t), name: b.Name(), args: args, kwargs: kwargs}, id)
		return token[FaultCall]{"fault", f}, err
	}), nil
}

func faultCall(c *call, id string) (FaultCall, error) {
	f := FaultCall{ID: id, Pos: c.pos()}
	for _, v := range c.args {
		text, err := c.faultValue("of the fault", v)
		if err != nil {
			return f, err
		}
		f.Positional = append(f.Positional, text)
	}
	for _, kv := range c.kwargs {
		name, v := string(kv[0].(starlark.String)), kv[1]
		var err error
		switch {
		case v == starlark.None:
		case name == "when":
			f.When, err = c.moment("when", v)
		case name == "heal":
			f.Heal, err = c.moment("heal", v)
		default:
			var text string
			text, err = c.faultValue(name, v)
			f.Named = append(f.Named, FaultArg{name, text})
		}
		if err != nil {
			return f, err
		}
	}
	return f, nil
}

// faultValue is a value in the grammar of --fault, in which commas separate.
func (c *call) faultValue(name string, v starlark.Value) (string, error) {
	text, ok := plainText(v)
	if !ok || text == "" || strings.ContainsAny(text, ",\n") {
		return "", c.errorf("bad-argument", "for parameter %s: got %v, want text without commas, a number, a bool, a version or a duration", name, v)
	}
	return text, nil
}

// moment is when a fault comes or goes, in the grammar of --fault.
type moment struct {
	text       string
	when, heal bool // what it can say
}

func (c *call) moment(param string, v starlark.Value) (string, error) {
	m, ok := v.(token[moment])
	if !ok {
		return "", c.errorf("bad-argument", "for parameter %s: got %s, want %s", param, v.Type(), moments[param])
	}
	if param == "when" && !m.of.when || param == "heal" && !m.of.heal {
		return "", c.errorf("bad-argument", "for parameter %s: got %s, want %s", param, m.of.text, moments[param])
	}
	return m.of.text, nil
}

var moments = map[string]string{
	"when": "at_step, before_step, after_machine, at_phase, at_time or on_call",
	"heal": "at_step, at_time, after, operator_heals() or never",
}

// never is the heal of a fault that stays.
var never = token[moment]{"moment", moment{"never", false, true}}

func momentOf(m moment, format string, args ...any) starlark.Value {
	m.text = fmt.Sprintf(format, args...)
	return token[moment]{"moment", m}
}

// atStep is at_step(id), beforeStep before_step(id).
func atStep(c *call) (starlark.Value, error) {
	return stepMoment(c, "at", moment{when: true, heal: true})
}

func beforeStep(c *call) (starlark.Value, error) {
	return stepMoment(c, "before", moment{when: true})
}

func stepMoment(c *call, word string, m moment) (starlark.Value, error) {
	var id string
	if err := c.unpack(&id); err != nil {
		return nil, err
	}
	if !IsKebab(id) {
		return nil, c.errorf("not-kebab-case", "got id %q, want kebab-case", id)
	}
	return momentOf(m, "%s:%s", word, id), nil
}

// afterMachine is after_machine(role, nth=): the nth new machine of the role runs.
func afterMachine(c *call) (starlark.Value, error) {
	role, nth := "", 1
	if err := c.unpack(&role, &nth); err != nil {
		return nil, err
	}
	if err := c.counted(nth, role); err != nil {
		return nil, err
	}
	return momentOf(moment{when: true}, "machine:%s/%d", role, nth), nil
}

// atPhase is at_phase(role, phase, nth=): a machine of the role enters the phase for the nth time.
func atPhase(c *call) (starlark.Value, error) {
	role, phase, nth := "", "", 1
	if err := c.unpack(&role, &phase, &nth); err != nil {
		return nil, err
	}
	if err := c.counted(nth, role, phase); err != nil {
		return nil, err
	}
	return momentOf(moment{when: true}, "phase:%s/%s/%d", role, phase, nth), nil
}

// onCall is on_call(method, nth=): the nth call of a method of vCenter, or of a write of the management API.
func onCall(c *call) (starlark.Value, error) {
	method, nth := "", 1
	if err := c.unpack(&method, &nth); err != nil {
		return nil, err
	}
	if err := c.counted(nth, method); err != nil {
		return nil, err
	}
	return momentOf(moment{when: true}, "call:%s/%d", method, nth), nil
}

func (c *call) counted(nth int, names ...string) error {
	for _, name := range names {
		if name == "" || strings.ContainsAny(name, ",/= \n") {
			return c.errorf("bad-argument", "got %q, want a name", name)
		}
	}
	if nth < 1 {
		return c.errorf("bad-argument", "for parameter nth: got %d, want a number from 1 on", nth)
	}
	return nil
}

// atTime is at_time(after): that much site time after the beginning of the run, or, as a heal, after the fault came.
func atTime(c *call) (starlark.Value, error) {
	var d value.Duration
	if err := c.unpack(&d); err != nil {
		return nil, err
	}
	if d <= 0 {
		return nil, c.errorf("bad-argument", "for parameter after: got %s, want a positive duration", d)
	}
	return momentOf(moment{when: true, heal: true}, "time:%s", d), nil
}

// afterTimes is after(n): the fault goes once it was felt n times.
func afterTimes(c *call) (starlark.Value, error) {
	n := 0
	if err := c.unpack(&n); err != nil {
		return nil, err
	}
	if n < 1 {
		return nil, c.errorf("bad-argument", "for parameter n: got %d, want a number from 1 on", n)
	}
	return momentOf(moment{heal: true}, "after:%d", n), nil
}

// operatorHeals is operator_heals(): an action of the scenario's operator, heals(id), takes the fault away.
func operatorHeals(c *call) (starlark.Value, error) {
	return momentOf(moment{heal: true}, "operator"), c.unpack()
}
