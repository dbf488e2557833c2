package sim

import (
	"context"
	"encoding/json"
	"slices"
)

// Save ends a twin and writes it into a directory that must exist, as the first process of a suite does.
func (t *Twin) Save(ctx context.Context, dir string) error {
	if err := t.save(ctx, dir); err != nil {
		return err
	}
	return seal(dir)
}

// Rest lets a twin come to rest.
func (t *Twin) Rest(ctx context.Context) error { return t.rest(ctx) }

// Restore starts a twin from what Save has written.
func (p *Plan) Restore(ctx context.Context, o Options, dir string) (*Twin, error) {
	s, err := readSnapshot(dir)
	if err != nil {
		return nil, err
	}
	o.Progress = func(string) {}
	return p.start(ctx, o, s)
}

// Manifests are those of the plan, in JSON.
func (p *Plan) Manifests() ([]byte, error) {
	var l []map[string]any
	for _, c := range p.clusters {
		for _, m := range append(slices.Clone(c.manifests), c.workload...) {
			l = append(l, m.Object.Object)
		}
	}
	return json.MarshalIndent(l, "", " ")
}

// Pull is what a node of a workload cluster gets that asks for an image.
func (t *Twin) Pull(cluster, image string) error {
	w, err := t.workload(cluster)
	if err != nil {
		return err
	}
	return w.images.pull(t.run, image)
}

// EtcdMembers are the members of a workload cluster's etcd.
func (t *Twin) EtcdMembers(cluster string) (any, error) {
	w, err := t.workload(cluster)
	if err != nil {
		return nil, err
	}
	return w.etcd.Members(), nil
}

// Because says why a boot's context has ended.
var Because = because
