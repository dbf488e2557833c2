package sim

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// snapshots is a directory in which worlds are kept that were booted before, each under the digest of all that it was
// made from. Many processes may use it at the same time. A snapshot that has its place is never changed again, only
// replaced as a whole when it turns out to be damaged.
type snapshots struct{ dir string }

// snapshot is what a snapshot's files say.
type snapshot struct {
	files map[string][]byte // by path, with slashes
}

// sums is the file that is written last: the SHA-256 and the path of every other one.
const sums = "SHA256SUMS"

// open returns the snapshot of a digest. When there is none, or it is damaged, make fills a new directory, in one process
// while the others wait; damage says what was wrong with the one before.
func (s snapshots) open(ctx context.Context, digest string, make func(dir string) error) (_ *snapshot, damage, err error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, nil, err
	}
	dir := filepath.Join(s.dir, digest)
	if found, err := s.read(ctx, dir); err == nil {
		return found, nil, nil
	}
	unlock, err := lock(ctx, dir+".lock", unix.LOCK_EX)
	if err != nil {
		return nil, nil, err
	}
	defer unlock()
	found, err := readSnapshot(dir) // somebody may have made it meanwhile
	if err == nil {
		return found, nil, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		damage = fmt.Errorf("snapshot %s: %w", dir, err)
	}
	if err := s.publish(dir, make); err != nil {
		return nil, damage, fmt.Errorf("snapshot %s: %w", dir, err)
	}
	found, err = readSnapshot(dir)
	return found, damage, err
}

// read reads a snapshot that nobody replaces meanwhile.
func (s snapshots) read(ctx context.Context, dir string) (*snapshot, error) {
	unlock, err := lock(ctx, dir+".lock", unix.LOCK_SH)
	if err != nil {
		return nil, err
	}
	defer unlock()
	return readSnapshot(dir)
}

// publish lets make fill a directory and gives it its place, where it is found whole or not at all.
func (s snapshots) publish(dir string, make func(dir string) error) error {
	for _, old := range []string{dir, dir + ".new"} { // damaged; of a process that was killed
		if err := os.RemoveAll(old); err != nil {
			return err
		}
	}
	defer os.RemoveAll(dir + ".new")
	if err := os.Mkdir(dir+".new", 0o700); err != nil {
		return err
	}
	if err := make(dir + ".new"); err != nil {
		return err
	}
	if err := seal(dir + ".new"); err != nil {
		return err
	}
	return os.Rename(dir+".new", dir)
}

// seal writes the sums of a directory's files.
func seal(dir string) error {
	files, err := readFiles(dir)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	for _, name := range sortedNames(files) {
		fmt.Fprintf(&b, "%x  %s\n", sha256.Sum256(files[name]), name)
	}
	return os.WriteFile(filepath.Join(dir, sums), b.Bytes(), 0o600)
}

// readSnapshot reads a snapshot and believes it only when all files are there and none has changed. fs.ErrNotExist means
// that there is none at all.
func readSnapshot(dir string) (*snapshot, error) {
	if _, err := os.Stat(dir); err != nil {
		return nil, err
	}
	files, err := readFiles(dir)
	if err != nil {
		return nil, fmt.Errorf("damaged: %w", err)
	}
	list, ok := files[sums]
	if !ok {
		return nil, fmt.Errorf("damaged: got no %s", sums)
	}
	delete(files, sums)
	want := map[string]string{}
	for l := bufio.NewScanner(bytes.NewReader(list)); l.Scan(); {
		sum, name, ok := strings.Cut(l.Text(), "  ")
		if !ok {
			return nil, fmt.Errorf("damaged: %s: got line %q, want a sum and a path", sums, l.Text())
		}
		want[name] = sum
	}
	if got, all := sortedNames(files), sortedNames(want); len(all) == 0 || !slices.Equal(got, all) {
		return nil, fmt.Errorf("damaged: got files %v, want %v", got, all)
	}
	for _, name := range sortedNames(files) {
		if got := fmt.Sprintf("%x", sha256.Sum256(files[name])); got != want[name] {
			return nil, fmt.Errorf("damaged: %s: got SHA-256 %s, want %s", name, got, want[name])
		}
	}
	return &snapshot{files}, nil
}

func readFiles(dir string) (map[string][]byte, error) {
	files := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		files[filepath.ToSlash(name)], err = os.ReadFile(path)
		return err
	})
	return files, err
}

func sortedNames[T any](m map[string]T) []string {
	var l []string
	for name := range m {
		l = append(l, name)
	}
	slices.Sort(l)
	return l
}

// lock waits for a lock on a file that is made if it is not there. The kernel gives it back when the process dies.
func lock(ctx context.Context, path string, how int) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, err
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			_ = f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		select {
		case <-ctx.Done():
			_ = f.Close()
			return nil, ctx.Err()
		case <-tick.C:
		}
	}
}
