package dsl

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/rehearse-dev/rehearse/dsl/diag"
	"github.com/rehearse-dev/rehearse/dsl/value"
	"go.starlark.net/starlark"
)

// This file defines what a world file says: world, cluster, vcenter and registry.

// declareWorld is world(dir=, base=, clusters=, vcenter=, registry=, acp=, name=, doc=, timing=, changes=).
func declareWorld(c *call) (starlark.Value, error) {
	w := &World{Pos: c.pos()}
	var (
		base, clusters, vc, reg starlark.Value
		timing, changes         *starlark.Dict
		acp                     value.Version
	)
	if err := c.unpack(&w.Dir, &base, &clusters, &vc, &reg, &acp, &w.Name, &w.Doc, &timing, &changes); err != nil {
		return nil, err
	}
	if c.module == nil {
		return nil, c.errorf("load-time-only", "a world is declared while its file loads")
	}
	w.File, w.ACP = c.module.file, acp.String()
	if err := c.given(w, clusters, vc, reg); err != nil {
		return nil, err
	}
	var err error
	if w.Timing, err = c.durations("timing", timing); err != nil {
		return nil, err
	}
	if w.Changes, err = c.changes(changes); err != nil {
		return nil, err
	}
	if err := c.from(w, base, clusters != nil && clusters != starlark.None); err != nil {
		return nil, err
	}
	c.module.worlds = append(c.module.worlds, w)
	return token[*World]{"world", w}, nil
}

// given reads the parts that the call itself names.
func (c *call) given(w *World, clusters, vc, reg starlark.Value) (err error) {
	if clusters != nil && clusters != starlark.None {
		if w.Clusters, err = c.clusters(clusters); err != nil {
			return err
		}
	}
	if w.VCenter, err = declared[WorldVCenter](c, "vcenter", vc); err != nil {
		return err
	}
	w.Registry, err = declared[WorldRegistry](c, "registry", reg)
	return err
}

// from adds what the world is made of, which is one of three: a base, a directory, or its own clusters alone. What the
// call names takes the place of what the base has; of clusters those of the same name, of timing those of the same key.
func (c *call) from(w *World, base starlark.Value, hasClusters bool) error {
	if base == nil || base == starlark.None {
		switch {
		case w.Dir != "" && hasClusters:
			return c.errorf("bad-argument", "got dir and clusters, want one of them: the clusters of a directory are found in it")
		case w.Dir == "" && !hasClusters:
			return c.errorf("bad-argument", "got neither clusters nor dir nor base, want one of them")
		case w.Dir != "":
			return c.inDirectory(w)
		}
		w.Name = orElse(w.Name, strings.TrimSuffix(strings.TrimSuffix(filepath.Base(w.File), ".star"), ".world"))
		return nil
	}
	b, ok := base.(token[*World])
	if !ok {
		return c.errorf("bad-argument", "for parameter base: got %s, want world", base.Type())
	}
	if w.Dir != "" {
		return c.errorf("bad-argument", `got dir and base, want one of them: write base = world("dir")`)
	}
	w.over(b.of)
	return nil
}

// inDirectory makes the directory absolute.
func (c *call) inDirectory(w *World) error {
	if !filepath.IsAbs(w.Dir) {
		w.Dir = filepath.Join(c.module.dir(), filepath.FromSlash(w.Dir))
	}
	if info, err := os.Stat(w.Dir); err != nil || !info.IsDir() {
		return c.errorf("world-not-found", "for parameter dir: no directory %s", displayed(w.Dir))
	}
	w.Name = orElse(w.Name, filepath.Base(w.Dir))
	return nil
}

// over adds what the base has and the world does not name.
func (w *World) over(base *World) {
	w.Name, w.Doc, w.ACP, w.Dir = orElse(w.Name, base.Name), orElse(w.Doc, base.Doc), orElse(w.ACP, base.ACP), base.Dir
	own := w.Clusters
	w.Clusters = slices.Clone(base.Clusters)
	for _, cl := range own {
		if i := slices.IndexFunc(w.Clusters, func(x WorldCluster) bool { return x.Name == cl.Name }); i >= 0 {
			w.Clusters[i] = cl
		} else {
			w.Clusters = append(w.Clusters, cl)
		}
	}
	if w.VCenter.Templates == nil {
		w.VCenter = base.VCenter
	}
	if w.Registry.Artifacts == nil {
		w.Registry = base.Registry
	}
	timing := maps.Clone(base.Timing)
	maps.Copy(timing, w.Timing)
	w.Timing, w.Changes = timing, slices.Concat(base.Changes, w.Changes)
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// changes reads a dict of "Kind/name" to a merge patch; None leaves the manifest out.
func (c *call) changes(dict *starlark.Dict) ([]WorldChange, error) {
	if dict == nil {
		return nil, nil
	}
	var all []WorldChange
	for _, item := range dict.Items() {
		key, _ := starlark.AsString(item[0])
		kind, name, ok := strings.Cut(key, "/")
		if !ok || kind == "" || !objectName.MatchString(name) {
			return nil, c.errorf("bad-argument", `for parameter changes: got key %v, want "Kind/name"`, item[0])
		}
		_, isDict := item[1].(*starlark.Dict)
		if !isDict && item[1] != starlark.None {
			return nil, c.errorf("bad-argument", "for parameter changes: %s: got %s, want dict, or None to leave it out", key, item[1].Type())
		}
		plain, err := value.Plain(item[1])
		if err != nil {
			return nil, c.errorf("bad-argument", "for parameter changes: %s: %v", key, err)
		}
		merge, err := json.Marshal(plain)
		if err != nil {
			return nil, c.errorf("bad-argument", "for parameter changes: %s: %v", key, err)
		}
		all = append(all, WorldChange{Kind: kind, Name: name, Merge: merge, Pos: c.pos()})
	}
	return all, nil
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
	vc := WorldVCenter{Templates: []WorldTemplate{}}
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

// IsArtifact tells whether a text is "repository:tag".
func IsArtifact(text string) bool { return artifactForm.MatchString(text) }

var artifactForm = regexp.MustCompile(`^[^:]+:[^:/]+$`)

// worldRegistry is registry(artifacts=["repository:tag"]).
func worldRegistry(c *call) (starlark.Value, error) {
	r := WorldRegistry{Artifacts: []string{}}
	if err := c.unpack(&r.Artifacts); err != nil {
		return nil, err
	}
	for _, a := range r.Artifacts {
		if !IsArtifact(a) {
			return nil, c.errorf("bad-argument", `for parameter artifacts: got %q, want "repository:tag"`, a)
		}
	}
	return token[WorldRegistry]{"registry", r}, nil
}
