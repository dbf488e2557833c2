package dsl

import (
	"context"
	"strings"

	"go.starlark.net/starlark"
)

// This file defines what the operator of a scenario does: approve, reject, heals, does.

func action(a Action) starlark.Value { return token[Action]{"action", a} }

// approve is approve(): agree to a gate, or say that a manual is done.
func approve(c *call) (starlark.Value, error) {
	return action(Action{Approve: true, Pos: c.pos()}), c.unpack()
}

// reject is reject(reason).
func reject(c *call) (starlark.Value, error) {
	a := Action{Pos: c.pos()}
	if err := c.unpack(&a.Reject); err != nil {
		return nil, err
	}
	if a.Reject == "" {
		return nil, c.errorf("bad-argument", "for parameter reason: got no text, want why")
	}
	return action(a), nil
}

// heals is heals(fault): mend what the fault of that name broke.
func heals(c *call) (starlark.Value, error) {
	a := Action{Pos: c.pos()}
	if err := c.unpack(&a.Heal); err != nil {
		return nil, err
	}
	a.Heal = strings.ReplaceAll(a.Heal, "_", "-")
	if !faultID.MatchString(a.Heal) {
		return nil, c.errorf("not-kebab-case", "got fault %q, want kebab-case, or ID#2 for the second of a kind", a.Heal)
	}
	return action(a), nil
}

// does is does(fn): fn(site) is something that the operator does, right or wrong. It is no step of the runbook.
func does(c *call) (starlark.Value, error) {
	var fn starlark.Callable
	if err := c.unpack(&fn); err != nil {
		return nil, err
	}
	fn.Freeze()
	prog, pos := c.prog, c.pos()
	return action(Action{Pos: pos, Do: func(ctx context.Context, site Site) error {
		r := &run{ctx: ctx, prog: prog}
		t := prog.thread("operator", &env{run: r})
		defer stopWith(ctx, t)()
		_, err := r.body(ctx, t, site, work{what: "the operator", fn: fn, writes: true})
		return err
	}}), nil
}

// operator reads a dict of ids to actions.
func (c *call) operator(dict *starlark.Dict) (map[string][]Action, error) {
	all := map[string][]Action{}
	if dict == nil {
		return all, nil
	}
	for _, item := range dict.Items() {
		id, ok := starlark.AsString(item[0])
		if !ok || !IsKebab(id) {
			return nil, c.errorf("bad-argument", "for parameter operator: got key %v, want the id of a gate, a manual or a wait", item[0])
		}
		list := []starlark.Value{item[1]}
		if seq, ok := item[1].(starlark.Iterable); ok {
			list = nil
			for elem := range starlark.Elements(seq) {
				list = append(list, elem)
			}
		}
		for _, v := range list {
			a, ok := v.(token[Action])
			if !ok {
				return nil, c.errorf("bad-argument", "for parameter operator: %s: got %s, want approve(), reject(…), heals(…) or does(…)", id, v.Type())
			}
			all[id] = append(all[id], a.of)
		}
		if err := c.decided(id, all[id]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// decided refuses actions after which nobody knows whether the operator agrees.
func (c *call) decided(id string, actions []Action) error {
	for i, a := range actions {
		if (a.Approve || a.Reject != "") && i < len(actions)-1 {
			return c.errorf("bad-argument", "for parameter operator: %s: approve() and reject(…) come last, once", id)
		}
	}
	if len(actions) == 0 {
		return c.errorf("bad-argument", "for parameter operator: %s: got no action", id)
	}
	return nil
}
