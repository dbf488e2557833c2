package dsl_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/dsl/dsltest"
	"github.com/rehearse-dev/rehearse/dsl/internal/chunk"
)

// inMemory is a loader of one file and of nothing else but the standard library.
func inMemory(t testing.TB, file, source string) (dsl.Loader, string) {
	t.Helper()
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	abs := filepath.Join(wd, file)
	return dsl.Loader{Root: wd, ReadFile: func(name string) ([]byte, error) {
		if name == abs {
			return []byte(source), nil
		}
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}}, abs
}

func TestLanguage(t *testing.T) {
	for _, c := range chunk.Read(t, "testdata/language.star") {
		t.Run(c.Name, func(t *testing.T) {
			loader, file := inMemory(t, "language.star", c.Source)
			c.Check(t, loader.Check(file))
		})
	}
}

func TestWorldFiles(t *testing.T) {
	for _, c := range chunk.Read(t, "testdata/world.star") {
		t.Run(c.Name, func(t *testing.T) {
			loader, file := inMemory(t, "world.star", c.Source)
			c.Check(t, loader.Check(file))
		})
	}
}

func TestRun(t *testing.T) {
	for _, c := range chunk.Read(t, "testdata/run.star") {
		t.Run(c.Name, func(t *testing.T) {
			loader, file := inMemory(t, "run.star", c.Source)
			rb, err := loader.Runbook(file)
			if err != nil {
				t.Fatal(err)
			}
			p, err := rb.Bind(nil)
			if err != nil {
				t.Fatal(err)
			}
			c.Check(t, rb.Run(t.Context(), &dsltest.Host{Site: smallSite()}, p))
		})
	}
}

func smallSite() *dsltest.Site {
	management := &dsltest.Cluster{}
	management.Put(dsl.Object{"kind": "Thing", "metadata": map[string]any{"name": "a"}})
	return &dsltest.Site{Clusters: map[string]*dsltest.Cluster{"": management, "prod-a": {}}}
}
