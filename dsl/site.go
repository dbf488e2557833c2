package dsl

import (
	"context"
	"errors"
	"fmt"

	"github.com/rehearse-dev/rehearse/dsl/diag"
	"go.starlark.net/starlark"
)

// SiteError is what a Site answered instead of doing what a script asked for. It tells a site that refuses from a
// mistake in the script.
type SiteError struct{ Err error }

func (e *SiteError) Error() string { return e.Err.Error() }
func (e *SiteError) Unwrap() error { return e.Err }

// refused marks an error of the site.
func refused(err error) error {
	if err == nil {
		return nil
	}
	return &SiteError{err}
}

// scope is the time in which a site exists: one call of a step's or a wait's function.
type scope struct {
	ctx    context.Context
	site   Site
	what   string // "step preflight"
	writes bool
	over   bool
}

// open refuses to use a site that was kept longer than it exists.
func (s *scope) open() error {
	if s.over {
		return diag.New("site-after-step", "site was kept from %s, which is over", s.what).
			Hint("return plain data from the step, and take site as the first parameter of the next one")
	}
	return s.ctx.Err()
}

// writable refuses writes where none may happen.
func (s *scope) writable() error {
	if err := s.open(); err != nil {
		return err
	}
	if !s.writes {
		return diag.New("write-not-allowed", "%s only reads", s.what).
			Hint("write in a ctx.step without risk = \"read\", and say how it is undone")
	}
	return nil
}

// siteValue is site, which acts.
type siteValue struct{ scope *scope }

func (siteValue) String() string        { return "<site>" }
func (siteValue) Type() string          { return "site" }
func (siteValue) Freeze()               {}
func (siteValue) Truth() starlark.Bool  { return true }
func (siteValue) Hash() (uint32, error) { return 0, errors.New("unhashable: site") }

func (siteValue) AttrNames() []string {
	return []string{"management", "registry", "vcenter", "workload"}
}

// Attr is one of the systems that a site consists of.
func (s siteValue) Attr(name string) (starlark.Value, error) {
	if err := s.scope.open(); err != nil {
		return nil, err
	}
	switch name {
	case "management":
		return kubernetes{part{s.scope, "kubernetes", "site.management"}, ""}, nil
	case "registry":
		return part{s.scope, "registry", "site.registry"}, nil
	case "vcenter":
		return part{s.scope, "vcenter", "site.vcenter"}, nil
	}
	return method("site", name, "site", s), nil
}

// part is a system of the site; its methods are the builtins of its kind.
type part struct {
	scope       *scope
	kind, shown string
}

func (p part) String() string        { return "<" + p.shown + ">" }
func (p part) Type() string          { return p.kind }
func (p part) Freeze()               {}
func (p part) Truth() starlark.Bool  { return true }
func (p part) Hash() (uint32, error) { return 0, fmt.Errorf("unhashable: %s", p.kind) }
func (p part) AttrNames() []string   { return methods(p.kind) }

func (p part) Attr(name string) (starlark.Value, error) { return method(p.kind, name, p.shown, p), nil }

// workload is site.workload(name).
func workload(c *call) (starlark.Value, error) {
	var name string
	if err := c.unpack(&name); err != nil {
		return nil, err
	}
	if name == "" {
		return nil, c.errorf("bad-argument", "for parameter name: got an empty text").
			Hint("the management cluster is site.management")
	}
	shown := fmt.Sprintf("site.workload(%q)", name)
	return kubernetes{part{c.recv.(siteValue).scope, "kubernetes", shown}, name}, nil
}
