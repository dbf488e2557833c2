package sim

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rehearse-dev/rehearse/sim/clock"
)

// fill makes a snapshot with two files, and counts.
func fill(made *atomic.Int32) func(dir string) error {
	return func(dir string) error {
		made.Add(1)
		if err := os.MkdirAll(filepath.Join(dir, "etcd", "wal"), 0o700); err != nil {
			return err
		}
		return errors.Join(os.WriteFile(filepath.Join(dir, "twin.json"), []byte("{}"), 0o600),
			os.WriteFile(filepath.Join(dir, "etcd", "wal", "0"), []byte("log"), 0o600))
	}
}

func TestADamagedSnapshotIsMadeAnewAndNeverTrusted(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(dir string) error
		says   string // "": there was none
	}{
		{"a byte that has changed", func(d string) error { return os.WriteFile(filepath.Join(d, "etcd", "wal", "0"), []byte("lag"), 0o600) }, "etcd/wal/0: got SHA-256"},
		{"a file that is cut off", func(d string) error { return os.Truncate(filepath.Join(d, "twin.json"), 1) }, "twin.json: got SHA-256"},
		{"a file that is missing", func(d string) error { return os.Remove(filepath.Join(d, "twin.json")) }, "got files [etcd/wal/0]"},
		{"a file too many", func(d string) error { return os.WriteFile(filepath.Join(d, "more"), nil, 0o600) }, "got files [etcd/wal/0 more twin.json]"},
		{"sums that are cut off", func(d string) error { return os.Truncate(filepath.Join(d, sums), 70) }, "damaged: "},
		{"no sums", func(d string) error { return os.Remove(filepath.Join(d, sums)) }, "got no " + sums},
		{"a process that was killed while it made one", func(d string) error { return os.Rename(d, d+".new") }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var made atomic.Int32
			s := snapshots{filepath.Join(t.TempDir(), "warm")}
			if _, damage, err := s.open(t.Context(), "world", fill(&made)); err != nil || damage != nil {
				t.Fatalf("first: got %v, %v, want it made", damage, err)
			}
			if err := c.damage(filepath.Join(s.dir, "world")); err != nil {
				t.Fatal(err)
			}
			got, damage, err := s.open(t.Context(), "world", fill(&made))
			if err != nil || made.Load() != 2 || string(got.files["etcd/wal/0"]) != "log" {
				t.Fatalf("after the damage: got %v, %v, made %d times, want it made a second time", got, err, made.Load())
			}
			if c.says == "" && damage != nil || c.says != "" && (damage == nil || !strings.Contains(damage.Error(), c.says)) {
				t.Errorf("damage: got %v, want %q", damage, c.says)
			}
			if _, damage, err := s.open(t.Context(), "world", fill(&made)); damage != nil || err != nil || made.Load() != 2 {
				t.Errorf("then: got %v, %v, made %d times, want it found", damage, err, made.Load())
			}
		})
	}
}

func TestOneOfManyMakesASnapshot(t *testing.T) {
	var made atomic.Int32
	s := snapshots{filepath.Join(t.TempDir(), "warm")}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if got, damage, err := s.open(t.Context(), "world", fill(&made)); err != nil || damage != nil || len(got.files) != 2 {
				t.Errorf("got %v, %v, %v, want two files", got, damage, err)
			}
		})
	}
	all.Wait()
	if got := made.Load(); got != 1 {
		t.Errorf("made: got %d times, want once", got)
	}
}

func TestASnapshotThatCannotBeMadeLeavesNothing(t *testing.T) {
	broken := errors.New("the disk is full")
	s := snapshots{filepath.Join(t.TempDir(), "warm")}
	_, _, err := s.open(t.Context(), "world", func(dir string) error {
		return errors.Join(os.WriteFile(filepath.Join(dir, "half"), nil, 0o600), broken)
	})
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
	if left, _ := filepath.Glob(filepath.Join(s.dir, "world*")); len(left) != 1 || filepath.Ext(left[0]) != ".lock" {
		t.Errorf("left: got %v, want the lock's file", left)
	}
}

func TestWhoWaitsForASnapshotCanBeStopped(t *testing.T) {
	s := snapshots{filepath.Join(t.TempDir(), "warm")}
	making, end := make(chan struct{}), make(chan struct{})
	var maker sync.WaitGroup
	maker.Go(func() {
		_, _, _ = s.open(t.Context(), "world", func(string) error { close(making); <-end; return errors.New("given up") })
	})
	<-making
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := s.open(ctx, "world", func(string) error { return errors.New("two at once") }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	close(end)
	maker.Wait()
}

// A twin whose clock is held for ever is never at rest. Whoever saves it gives up, and so does the caller's context.
func TestSavingATwinThatDoesNotComeToRestEnds(t *testing.T) {
	for name, most := range map[string]time.Duration{"in time": time.Millisecond, "when the caller gives up": time.Hour} {
		twin := &Twin{clock: clock.New(clock.Options{Pace: clock.Hold}), failed: make(chan struct{})}
		defer twin.clock.Busy("the test")()
		ctx, cancel := context.WithCancel(t.Context())
		if most == time.Hour {
			cancel()
		}
		if err := twin.keep(ctx, t.TempDir(), most); err == nil || !strings.Contains(err.Error(), "did not come to rest") {
			t.Errorf("%s: got %v, want that the twin did not come to rest", name, err)
		}
		cancel()
	}
}
