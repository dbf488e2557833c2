package dsl

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/rehearse-dev/rehearse/dsl/diag"
	"github.com/rehearse-dev/rehearse/dsl/value"
	"go.starlark.net/starlark"
)

// This file defines what a world file says: world, cluster, vcenter and registry.

// declareWorld is world(clusters=, vcenter=, registry=, acp=, name=, doc=, timing=).
func declareWorld(c *call) (starlark.Value, error) {
	w := &World{Pos: c.pos()}
	var (
		clusters, vc, reg starlark.Value
		timing            *starlark.Dict
		acp               value.Version
	)
	if err := c.unpack(&clusters, &vc, &reg, &acp, &w.Name, &w.Doc, &timing); err != nil {
		return nil, err
	}
	if c.module == nil {
		return nil, c.errorf("load-time-only", "a world is declared while its file loads")
	}
	w.File, w.ACP = c.module.file, acp.String()
	if w.Name == "" {
		w.Name = strings.TrimSuffix(strings.TrimSuffix(filepath.Base(w.File), ".star"), ".world")
	}
	var err error
	if w.Clusters, err = c.clusters(clusters); err != nil {
		return nil, err
	}
	if w.VCenter, err = declared[WorldVCenter](c, "vcenter", vc); err != nil {
		return nil, err
	}
	if w.Registry, err = declared[WorldRegistry](c, "registry", reg); err != nil {
		return nil, err
	}
	if w.Timing, err = c.durations("timing", timing); err != nil {
		return nil, err
	}
	c.module.worlds = append(c.module.worlds, w)
	return token[*World]{"world", w}, nil
}

// clusters reads a list of cluster(…) whose names differ.
func (c *call) clusters(v starlark.Value) ([]WorldCluster, error) {
	seq, ok := v.(starlark.Iterable)
	if !ok {
		return nil, c.errorf("bad-argument", "for parameter clusters: got %s, want a list of cluster", v.Type())
	}
	var all []WorldCluster
	first := map[string]Position{}
	for elem := range starlark.Elements(seq) {
		cl, err := declared[WorldCluster](c, "cluster", elem)
		if err != nil {
			return nil, err
		}
		if pos, taken := first[cl.Name]; taken {
			d := diag.New("duplicate-cluster", "cluster %q is already declared at %s", cl.Name, pos)
			return nil, c.prog.at(diag.Load, cl.Pos, d)
		}
		first[cl.Name] = cl.Pos
		all = append(all, cl)
	}
	return all, nil
}

// declared is what a token of that kind carries; the zero T when v is absent.
func declared[T any](c *call, kind string, v starlark.Value) (T, error) {
	t, ok := v.(token[T])
	if !ok && v != nil && v != starlark.None {
		return t.of, c.errorf("bad-argument", "for parameter %s: got %s, want %s", kind, v.Type(), kind).
			Hint("write " + kind + "(…)")
	}
	return t.of, nil
}

// durations reads a dict of durations.
func (c *call) durations(name string, dict *starlark.Dict) (map[string]time.Duration, error) {
	all := map[string]time.Duration{}
	if dict == nil {
		return all, nil
	}
	for _, item := range dict.Items() {
		key, ok := starlark.AsString(item[0])
		if !ok {
			return nil, c.errorf("bad-argument", "for parameter %s: got key %v, want string", name, item[0])
		}
		var d value.Duration
		if err := d.Unpack(item[1]); err != nil {
			return nil, c.errorf("bad-argument", "for parameter %s: %s: %v", name, key, err)
		}
		all[key] = time.Duration(d)
	}
	return all, nil
}

// worldCluster is cluster(name, manifests, etcd=).
func worldCluster(c *call) (starlark.Value, error) {
	cl := WorldCluster{Etcd: "model", Pos: c.pos()}
	if err := c.unpack(&cl.Name, &cl.Manifests, &cl.Etcd); err != nil {
		return nil, err
	}
	switch {
	case c.module == nil:
		return nil, c.errorf("load-time-only", "a cluster is declared while its file loads")
	case !objectName.MatchString(cl.Name):
		return nil, c.errorf("bad-argument", "got name %q, want the name of an object", cl.Name)
	case cl.Etcd == "real":
		return nil, c.errorf("not-supported", `for parameter etcd: got "real", want "model": `+
			"a twin plays etcd's membership and does not run members")
	case cl.Etcd != "model":
		return nil, c.errorf("bad-argument", `for parameter etcd: got %q, want "model"`, cl.Etcd)
	}
	if !filepath.IsAbs(cl.Manifests) {
		cl.Manifests = filepath.Join(c.module.dir(), filepath.FromSlash(cl.Manifests))
	}
	if info, err := os.Stat(cl.Manifests); err != nil || !info.IsDir() {
		return nil, c.errorf("manifests-not-found", "for parameter manifests: no directory %s", displayed(cl.Manifests))
	}
	return token[WorldCluster]{"cluster", cl}, nil
}

// worldVCenter is vcenter(templates={name: version}).
func worldVCenter(c *call) (starlark.Value, error) {
	var dict *starlark.Dict
	if err := c.unpack(&dict); err != nil {
		return nil, err
	}
	var vc WorldVCenter
	for _, item := range dict.Items() {
		name, ok := starlark.AsString(item[0])
		if !ok || name == "" {
			return nil, c.errorf("bad-argument", "for parameter templates: got key %v, want the name of a template", item[0])
		}
		var v value.Version
		if err := v.Unpack(item[1]); err != nil {
			return nil, c.errorf("bad-argument", "for parameter templates: %s: %v", name, err)
		}
		vc.Templates = append(vc.Templates, WorldTemplate{Name: name, Kubernetes: v.String(), Pos: c.pos()})
	}
	return token[WorldVCenter]{"vcenter", vc}, nil
}

var artifactForm = regexp.MustCompile(`^[^:]+:[^:/]+$`)

// worldRegistry is registry(artifacts=["repository:tag"]).
func worldRegistry(c *call) (starlark.Value, error) {
	var r WorldRegistry
	if err := c.unpack(&r.Artifacts); err != nil {
		return nil, err
	}
	for _, a := range r.Artifacts {
		if !artifactForm.MatchString(a) {
			return nil, c.errorf("bad-argument", `for parameter artifacts: got %q, want "repository:tag"`, a)
		}
	}
	return token[WorldRegistry]{"registry", r}, nil
}
