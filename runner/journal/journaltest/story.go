// Package journaltest makes journals for tests out of stories, so that what a test reads is a journal that the Writer
// wrote, hash chain and all. Only tests import it.
package journaltest

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

// Story is what happens in a run: bodies of events, and durations of site time that pass between them. Wall time passes
// fifty times as slowly.
type Story []any

// Start is the site time and the wall time at which every story begins.
var Start = time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC)

// Write makes the journal of a story.
func (s Story) Write(t testing.TB) []byte {
	t.Helper()
	site, wall := Start, Start
	w, err := journal.Create(t.TempDir(), func() time.Time { return site }, func() time.Time { return wall })
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for _, x := range s {
		switch x := x.(type) {
		case time.Duration:
			site, wall = site.Add(x), wall.Add(x/50)
		case journal.Body:
			if err := w.Append(x); err != nil {
				t.Fatal(err)
			}
		default:
			t.Fatalf("a story has bodies and durations, got %T", x)
		}
	}
	raw, err := os.ReadFile(w.Path())
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// Golden reads a file of testdata, after writing it when update is set.
func Golden(t testing.TB, name string, update bool, got []byte) []byte {
	t.Helper()
	path := filepath.Join("testdata", name)
	if update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return want
}
