package dsl

import (
	"slices"
	"strings"
	"time"

	"github.com/rehearse-dev/rehearse/dsl/value"
	"go.starlark.net/starlark"
)

// This file defines completes, blocked, fails, stuck and refused.

// expectSignature is that of all of them.
const expectSignature = `*, step="", code="", because="", writes=None, within=None, rollback="", invariants=None, never=None, order=None`

// expectation is what all of them are; the builtin's name is the kind.
func expectation(c *call) (starlark.Value, error) {
	e := Expectation{Kind: ExpectKind(c.builtin.Name), Pos: c.pos()}
	var (
		writes     = -1
		within     value.Duration
		invariants starlark.Value
	)
	given := c.givenKeywords()
	err := c.unpack(&e.Step, &e.Code, &e.Because, &writes, &within, &e.Rollback, &invariants, &e.Never, &e.Order)
	if err != nil {
		return nil, err
	}
	if given["writes"] {
		e.Writes = &writes
	}
	e.Within = time.Duration(within)
	if e.Invariants, err = c.claims(invariants); err != nil {
		return nil, err
	}
	if err := c.formed(e, given); err != nil {
		return nil, err
	}
	if why := e.contradiction(); why != "" {
		return nil, c.errorf("contradiction", "%s", why)
	}
	return token[Expectation]{"expectation", e}, nil
}

// givenKeywords are those that were given and are not None.
func (c *call) givenKeywords() map[string]bool {
	given := map[string]bool{}
	for _, kv := range c.kwargs {
		given[string(kv[0].(starlark.String))] = kv[1] != starlark.None
	}
	return given
}

// claims reads a list of invariants that hold, or a dict of invariants to "holds" or "violated".
func (c *call) claims(v starlark.Value) (map[string]bool, error) {
	claims := map[string]bool{}
	wrong := func(got any) error {
		return c.errorf("bad-argument", `for parameter invariants: got %v, want a list of ids, or a dict of ids to "holds" or "violated"`, got)
	}
	if dict, ok := v.(*starlark.Dict); ok {
		for _, item := range dict.Items() {
			id, isText := starlark.AsString(item[0])
			how, _ := starlark.AsString(item[1])
			if !isText || !IsKebab(id) || how != "holds" && how != "violated" {
				return nil, wrong(item)
			}
			claims[id] = how == "holds"
		}
		return claims, nil
	}
	if v == nil || v == starlark.None {
		return claims, nil
	}
	seq, ok := v.(starlark.Iterable)
	if !ok {
		return nil, wrong(v.Type())
	}
	for elem := range starlark.Elements(seq) {
		id, isText := starlark.AsString(elem)
		if !isText || !IsKebab(id) {
			return nil, wrong(elem)
		}
		claims[id] = true
	}
	return claims, nil
}

// formed refuses what no run could ever be compared with.
func (c *call) formed(e Expectation, given map[string]bool) error {
	for name, id := range map[string]string{"step": e.Step, "code": e.Code} {
		if id != "" && !IsKebab(id) {
			return c.errorf("not-kebab-case", "got %s %q, want kebab-case", name, id)
		}
	}
	for _, name := range []string{"step", "code", "because"} {
		if given[name] && map[string]string{"step": e.Step, "code": e.Code, "because": e.Because}[name] == "" {
			return c.errorf("bad-argument", "for parameter %s: got no text", name)
		}
	}
	switch {
	case e.Writes != nil && *e.Writes < 0:
		return c.errorf("bad-argument", "for parameter writes: got %d, want a number from 0 on", *e.Writes)
	case given["within"] && e.Within <= 0:
		return c.errorf("bad-argument", "for parameter within: got %s, want a positive duration", e.Within)
	case !slices.Contains([]string{"", "done", "noop", "refused", "failed"}, e.Rollback):
		return c.errorf("bad-argument", `for parameter rollback: got %q, want "done", "noop", "refused" or "failed"`, e.Rollback)
	}
	for _, id := range e.Order {
		if plain := strings.TrimPrefix(UndoneID(id), "fault:"); !IsKebab(plain) && !faultID.MatchString(plain) {
			return c.errorf("bad-argument", `for parameter order: got %q, want the id of a step, or "fault:ID"`, id)
		}
	}
	for _, x := range e.Never {
		if !IsKebab(UndoneID(x)) && !faultID.MatchString(x) && !strings.Contains(strings.TrimSpace(x), " ") {
			return c.errorf("bad-argument", "for parameter never: got %q, want an id, or a text of several words", x)
		}
	}
	return nil
}

// contradiction says why no run can be as the expectation wants it, "" when one can.
func (e Expectation) contradiction() string {
	ends := e.Step + e.Code + e.Because
	switch {
	case e.Kind == Completes && ends != "":
		return "a run that completes stops nowhere: step, code and because are for one that does not"
	case e.Kind == Completes && e.Rollback != "":
		return "a run that completes is not rolled back"
	case e.Kind == IsBlocked && e.Writes != nil && *e.Writes > 0:
		return "a run that is blocked has written nothing"
	case e.Kind == IsBlocked && e.Rollback != "":
		return "a run that is blocked has nothing to roll back"
	case e.Step != "" && slices.Contains(e.Never, e.Step):
		return "it ends at " + e.Step + ", which never begins"
	}
	for i, id := range e.Order {
		switch plain := strings.TrimPrefix(id, "fault:"); {
		case slices.Contains(e.Order[:i], id):
			return id + " stands twice in the order"
		case slices.Contains(e.Never, id), slices.Contains(e.Never, plain):
			return id + " is in the order and never happens"
		case id == e.Step && slices.ContainsFunc(e.Order[i+1:], forward):
			return "it ends at " + id + ", and the order goes on"
		}
	}
	for id, holds := range e.Invariants {
		if !holds && slices.Contains(e.Never, id) {
			return id + " is violated, and never is"
		}
	}
	return ""
}

// forward tells whether an entry of an order is a step of the runbook on its way forward.
func forward(id string) bool { return !strings.HasPrefix(id, "fault:") && UndoneID(id) == id }
