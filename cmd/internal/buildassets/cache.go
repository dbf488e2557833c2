package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/rehearse-dev/rehearse/sim/assets"
)

// beat is how often a build that takes long says that it is alive.
const beat = 15 * time.Second

// cache is the folder of finished binaries while it is being filled.
type cache struct {
	dir     string
	recipe  func(assets.Program) (string, error) // digest of what a program is built from
	compile func(ctx context.Context, p assets.Program, out string) error
	report  func(format string, args ...any)
}

// fill builds what of the programs wanted is not there yet.
func (c *cache) fill(ctx context.Context, wanted []assets.Program) error {
	if len(wanted) == 0 {
		return nil
	}
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		return err
	}
	unlock, err := lock(ctx, filepath.Join(c.dir, ".lock"), c.report)
	if err != nil {
		return err
	}
	defer unlock()
	m, err := c.good()
	if err != nil {
		return err
	}
	missing := make([]assets.Program, 0, len(wanted))
	for _, p := range wanted {
		if _, ok := m.Binaries[p.Name]; !ok {
			missing = append(missing, p)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	c.report("building %d programs into %s (5 to 10 minutes on 2 cores the first time, then never again)", len(missing), c.dir)
	for i, p := range missing {
		file, err := c.build(ctx, p, fmt.Sprintf("%s %s (%d of %d)", p.Name, p.Version, i+1, len(missing)))
		if err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		m.Binaries[p.Name] = file
		if err := c.write(m); err != nil {
			return err
		}
	}
	return nil
}

// good is the manifest less everything that is not so: another recipe, a file that is gone or altered.
func (c *cache) good() (assets.Manifest, error) {
	m, err := assets.ReadManifest(c.dir)
	if err != nil {
		c.report("%v: building anew", err)
	}
	for _, p := range assets.Programs {
		want, ok := m.Binaries[p.Name]
		if !ok {
			continue
		}
		recipe, err := c.recipe(p)
		if err != nil {
			return m, err
		}
		if err := c.check(p.Name, recipe, want); err != nil {
			c.report("%s: %v: building it anew", p.Name, err)
			delete(m.Binaries, p.Name)
		}
	}
	return m, nil
}

// check says what is wrong with a binary that the manifest names.
func (c *cache) check(name, recipe string, want assets.File) error {
	if want.Recipe != recipe {
		return fmt.Errorf("built from other sources")
	}
	size, sum, err := digest(filepath.Join(c.dir, name))
	if err == nil && (size != want.Size || sum != want.SHA256) {
		err = fmt.Errorf("got %d bytes with digest %.12s, want %d with %.12s", size, sum, want.Size, want.SHA256)
	}
	return err
}

// build makes one binary and puts it in place.
func (c *cache) build(ctx context.Context, p assets.Program, what string) (assets.File, error) {
	recipe, err := c.recipe(p)
	if err != nil {
		return assets.File{}, err
	}
	start := time.Now()
	c.report("%s: building", what)
	stop := c.beat(what, start)
	defer stop()
	tmp := filepath.Join(c.dir, "."+p.Name+".tmp") // one name: a build that was killed leaves one file, and we hold the lock
	defer os.Remove(tmp)
	if err := c.compile(ctx, p, tmp); err != nil {
		return assets.File{}, err
	}
	if err := flush(tmp); err != nil {
		return assets.File{}, err
	}
	version, err := p.Ask(ctx, tmp)
	if err != nil {
		return assets.File{}, err
	}
	if version != p.Version {
		return assets.File{}, fmt.Errorf("got version %s, want %s", version, p.Version)
	}
	size, sum, err := digest(tmp)
	if err != nil {
		return assets.File{}, err
	}
	if err := os.Rename(tmp, filepath.Join(c.dir, p.Name)); err != nil {
		return assets.File{}, err
	}
	c.report("%s: done in %.0f s, %d MiB", what, time.Since(start).Seconds(), size>>20)
	return assets.File{Recipe: recipe, Size: size, SHA256: sum, Version: version}, nil
}

// beat reports now and then until it is stopped.
func (c *cache) beat(what string, start time.Time) (stop func()) {
	tick := time.NewTicker(beat)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-tick.C:
				c.report("%s: still building, %.0f s", what, time.Since(start).Seconds())
			case <-done:
				return
			}
		}
	}()
	return func() { tick.Stop(); close(done) }
}

// write puts the manifest in place, after what it names.
func (c *cache) write(m assets.Manifest) error {
	b, err := json.MarshalIndent(m, "", "\t")
	if err != nil {
		return err
	}
	file := filepath.Join(c.dir, assets.ManifestFile)
	tmp := file + ".tmp"
	if err := os.WriteFile(tmp, append(b, '\n'), 0o644); err != nil {
		return err
	}
	if err := flush(tmp); err != nil {
		return err
	}
	if err := os.Rename(tmp, file); err != nil {
		return err
	}
	return flush(c.dir)
}

// flush forces a file or a folder to the disk.
func flush(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

func digest(path string) (size int64, sum string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, "", err
	}
	defer f.Close()
	h := sha256.New()
	size, err = io.Copy(h, f)
	return size, hex.EncodeToString(h.Sum(nil)), err
}
