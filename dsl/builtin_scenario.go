package dsl

import (
	"path/filepath"
	"strings"

	"github.com/rehearse-dev/rehearse/dsl/value"
	"go.starlark.net/starlark"
)

// This file defines what a file of scenarios says: suite and scenario.

// declareSuite is suite(name, doc=).
func declareSuite(c *call) (starlark.Value, error) {
	s := &Suite{}
	if err := c.unpack(&s.Name, &s.Doc); err != nil {
		return nil, err
	}
	switch {
	case c.module == nil:
		return nil, c.errorf("load-time-only", "a suite is declared while its file loads")
	case !IsKebab(s.Name):
		return nil, c.errorf("not-kebab-case", "got name %q, want kebab-case", s.Name)
	case c.module.suite != nil:
		return nil, c.errorf("declares-one", "the file declares a second suite, want one")
	}
	c.module.suite = s
	return starlark.None, nil
}

// declareScenario is scenario(name, world=, runbook=, expect=, …).
func declareScenario(c *call) (starlark.Value, error) {
	s := &Scenario{Pos: c.outermost()}
	var (
		world, runbook, expect, faults starlark.Value
		params, operator               *starlark.Dict
		seed                           = -1
		err                            error
	)
	if err = c.unpack(&s.Name, &world, &runbook, &expect, &params, &faults, &operator, &seed, &s.Doc, &s.Tags); err != nil {
		return nil, err
	}
	if c.module == nil {
		return nil, c.errorf("load-time-only", "a scenario is declared while its file loads")
	}
	s.File = c.module.file
	if err := c.scenarioName(s); err != nil {
		return nil, err
	}
	if seed >= 0 {
		n := uint64(seed)
		s.Seed = &n
	}
	if s.World, err = wanted[*World](c, "world", world); err != nil {
		return nil, err
	}
	if s.Runbook, err = wanted[*Runbook](c, "runbook", runbook); err != nil {
		return nil, err
	}
	if s.Expect, err = wanted[Expectation](c, "expect", expect); err != nil {
		return nil, err
	}
	if s.Params, err = c.texts("params", params); err != nil {
		return nil, err
	}
	if s.Faults, err = c.faults(faults); err != nil {
		return nil, err
	}
	if s.Operator, err = c.operator(operator); err != nil {
		return nil, err
	}
	c.module.scenarios = append(c.module.scenarios, s)
	return starlark.None, nil
}

// outermost is the line at top level that led to the call: scenarios are often declared through a function of the file.
func (c *call) outermost() Position {
	_, frames := c.prog.where(c.thread.CallStack())
	return frames[0].Pos
}

// scenarioName refuses a name that cannot stand in a report or that the file has already.
func (c *call) scenarioName(s *Scenario) error {
	if s.Name == "" || s.Name != strings.TrimSpace(s.Name) || strings.ContainsFunc(s.Name, func(r rune) bool { return r < ' ' }) {
		return c.errorf("bad-argument", "got name %q, want words on one line", s.Name)
	}
	for _, other := range c.module.scenarios {
		if other.Name == s.Name {
			return c.errorf("duplicate-scenario", "%q is already declared at %s", s.Name, other.Pos)
		}
	}
	for _, tag := range s.Tags {
		if !IsKebab(tag) {
			return c.errorf("not-kebab-case", "got tag %q, want kebab-case", tag)
		}
	}
	return nil
}

// wanted is what the token of a required argument carries.
func wanted[T any](c *call, name string, v starlark.Value) (T, error) {
	t, ok := v.(token[T])
	if !ok {
		return t.of, c.errorf("bad-argument", "for parameter %s: got %s, want %s", name, v.Type(), wantedAs[name])
	}
	return t.of, nil
}

var wantedAs = map[string]string{
	"world":   `world, e.g. load("prod-a.world.star", "prod_a")`,
	"runbook": `runbook, e.g. load("upgrade.star", "vsphere_upgrade")`,
	"expect":  "an expectation: completes, blocked, fails, stuck or refused",
}

// texts reads a dict of values that are given as text on the command line.
func (c *call) texts(name string, dict *starlark.Dict) (map[string]string, error) {
	all := map[string]string{}
	if dict == nil {
		return all, nil
	}
	for _, item := range dict.Items() {
		key, ok := starlark.AsString(item[0])
		text, known := plainText(item[1])
		if !ok || !known {
			return nil, c.errorf("bad-argument", "for parameter %s: got %v: %s, want text, a number, a bool, a version or a duration", name, item[0], item[1].Type())
		}
		all[key] = text
	}
	return all, nil
}

// plainText is a simple value as a person would type it.
func plainText(v starlark.Value) (text string, ok bool) {
	switch v := v.(type) {
	case starlark.String:
		return string(v), true
	case starlark.Bool:
		return strings.ToLower(v.String()), true
	case starlark.Int, value.Version, value.Duration, value.Quantity:
		return v.String(), true
	}
	return "", false
}

// faults reads a list of fault.NAME(…).
func (c *call) faults(v starlark.Value) ([]FaultCall, error) {
	if v == nil || v == starlark.None {
		return nil, nil
	}
	seq, ok := v.(starlark.Iterable)
	if !ok {
		return nil, c.errorf("bad-argument", "for parameter faults: got %s, want a list of fault.NAME(…)", v.Type())
	}
	var all []FaultCall
	for elem := range starlark.Elements(seq) {
		f, ok := elem.(token[FaultCall])
		if !ok {
			return nil, c.errorf("bad-argument", "for parameter faults: got %s, want fault.NAME(…)", elem.Type())
		}
		all = append(all, f.of)
	}
	return all, nil
}

// named is the suite of the file; without suite(…) it is called as the file is.
func (m *module) named() *Suite {
	s := &Suite{}
	if m.suite != nil {
		*s = *m.suite
	}
	if s.Name == "" {
		s.Name = strings.TrimSuffix(strings.TrimSuffix(filepath.Base(m.file), ".star"), "_test")
	}
	s.File, s.Scenarios = m.file, m.scenarios
	return s
}
