package main

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestARunDirectoryHasOneTwin(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "runs", "a")
	first, err := openRunDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := openRunDir(dir); err == nil || !strings.Contains(err.Error(), "belongs to a twin that is running") {
		t.Errorf("a second twin in the directory: got %v, %v, want a refusal", second, err)
	}
	first.close()
	third, err := openRunDir(dir)
	if err != nil {
		t.Fatalf("after the first has ended: %v", err)
	}
	third.close()
}
