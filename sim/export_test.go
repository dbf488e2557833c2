package sim

import "context"

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

// EtcdMembers are the members of a workload cluster's etcd.
func (t *Twin) EtcdMembers(cluster string) (any, error) {
	w, err := t.workload(cluster)
	if err != nil {
		return nil, err
	}
	return w.etcd.Members(), nil
}
