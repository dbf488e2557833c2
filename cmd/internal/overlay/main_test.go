package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// goroot is a toolchain whose time.go reads as given.
func goroot(t *testing.T, text string) string {
	t.Helper()
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "src", "time"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "src", "time", "time.go"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return root
}

func TestEveryEditIsMade(t *testing.T) {
	var text string
	for _, e := range edits {
		text += e.old + "\n"
	}
	out := t.TempDir()
	if err := write(goroot(t, text), out); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(out, "time.go.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range edits {
		if !strings.Contains(string(b), e.new) {
			t.Errorf("got %s, want it to contain %q", b, e.new)
		}
	}
}

func TestUnknownToolchainIsBuiltPlain(t *testing.T) {
	root, out := goroot(t, "package time // of another year"), t.TempDir()
	if err := write(root, out); !errors.Is(err, errUnknown) {
		t.Errorf("got %v, want %v", err, errUnknown)
	}
	if err := run(root, out); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(out, "goflags")); err != nil || string(b) != plain+"\n" {
		t.Errorf("got flags %q, %v; want %q", b, err, plain)
	}
}

func TestSourceThatCannotBeReadIsAnError(t *testing.T) {
	if err := run(t.TempDir(), t.TempDir()); err == nil || errors.Is(err, errUnknown) {
		t.Errorf("got %v, want an error that is not %q", err, errUnknown)
	}
}

func TestThisToolchainIsKnown(t *testing.T) {
	b, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	if err := run(strings.TrimSpace(string(b)), out); err != nil {
		t.Fatal(err)
	}
	flags, err := os.ReadFile(filepath.Join(out, "goflags"))
	if want := "-overlay=" + filepath.Join(out, "overlay.json"); err != nil || !strings.Contains(string(flags), want) {
		t.Errorf("%s: got flags %q, %v; want %s", runtime.Version(), flags, err, want)
	}
}
