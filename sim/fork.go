package sim

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/rehearse-dev/rehearse/sim/clock"
)

// fork starts a twin that is a copy of a world which was booted before: by this process, if nobody else has. Every twin
// of a suite so begins in the same state, whoever was first. A world that cannot be copied is booted, and says why.
func (p *Plan) fork(ctx context.Context, o Options) (*Twin, error) {
	t, damage, err := p.forked(ctx, o)
	var input *InputError
	switch {
	case err == nil && damage != nil:
		t.note(fmt.Sprintf("%v; it was made anew", damage))
	case err == nil:
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.As(err, &input):
		return nil, err
	default:
		o.Progress("booting, as the world could not be copied: " + err.Error())
		why := errors.Join(damage, err)
		if t, err = p.start(ctx, o, nil); err != nil {
			return nil, fmt.Errorf("%w (it was booted, as the world could not be copied: %w)", err, why)
		}
		t.note(fmt.Sprintf("the twin was booted and is no copy of a warm world: %v", why))
	}
	return t, nil
}

func (p *Plan) forked(ctx context.Context, o Options) (t *Twin, damage, err error) {
	digest, err := p.digest(o)
	if err != nil {
		return nil, nil, err
	}
	o.Progress("looking for the warm world, which another process may be booting")
	s, damage, err := snapshots{o.Snapshot}.open(ctx, digest, func(dir string) error { return p.prepare(ctx, o, dir) })
	if err != nil {
		return nil, damage, err
	}
	t, err = p.start(ctx, o, s)
	return t, damage, err
}

func (c *clusterPlan) pooled() bool {
	return slices.ContainsFunc(c.manifests, func(m Manifest) bool { return m.Object.GetKind() == "VSphereMachineConfigPool" })
}

// prepare boots the world and saves it.
func (p *Plan) prepare(ctx context.Context, o Options, dir string) error {
	o.Dir, o.Pace = filepath.Join(o.Dir, "first"), clock.Hold
	t, err := p.start(ctx, o, nil)
	if err != nil {
		return err
	}
	defer t.Close()
	return t.keep(ctx, dir, patience)
}

// keep saves the twin, unless its caller gives up or it takes too long to come to rest.
func (t *Twin) keep(ctx context.Context, dir string, most time.Duration) error {
	ctx, cancel := within(ctx, most)
	defer cancel()
	return t.save(ctx, dir)
}

// digest names all that a booted world depends on.
func (p *Plan) digest(o Options) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	of := struct {
		World     World
		Seed      uint64
		Durations Durations
		Manifests []string
		Programs  []string
	}{World: p.World, Seed: p.Seed, Durations: p.durations}
	// What they are made of counts, not what they are called and where they stand.
	of.World.Name, of.World.Clusters, of.World.Changes = "", slices.Clone(p.World.Clusters), nil
	for i := range of.World.Clusters {
		of.World.Clusters[i].Manifests = ""
	}
	for file, digest := range p.Digests() {
		of.Manifests = append(of.Manifests, filepath.Base(file)+" "+digest)
	}
	slices.Sort(of.Manifests)
	for _, c := range p.World.Changes {
		c.Where = ""
		of.World.Changes = append(of.World.Changes, c)
	}
	for _, path := range []string{self, o.Binaries.APIServer, o.Binaries.ControllerManager, o.Binaries.Scheduler, o.Binaries.Etcd} {
		i, err := os.Stat(path)
		if err != nil {
			return "", err
		}
		of.Programs = append(of.Programs, fmt.Sprint(path, i.Size(), i.ModTime().UnixNano()))
	}
	b, err := json.Marshal(of)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", sha256.Sum256(b))[:16], nil
}
