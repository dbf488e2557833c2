package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rehearse-dev/rehearse/sim/assets"
)

// halfBuildDir makes the test binary a builder that never finishes kube-controller-manager, in the folder named.
const halfBuildDir = "BUILDASSETS_TEST_HALF_BUILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(halfBuildDir); dir != "" {
		halfBuild(dir)
	}
	os.Exit(m.Run())
}

func halfBuild(dir string) {
	b := &builder{}
	c := b.cache(dir)
	c.compile = func(ctx context.Context, p assets.Program, out string) error {
		if p.Name != "kube-controller-manager" {
			return b.compile(ctx, p, out)
		}
		if err := os.WriteFile(out, []byte("#!/bin/sh\nec"), 0o755); err != nil {
			return err
		}
		fmt.Println("half-way")
		select {} // until killed
	}
	fmt.Println(c.fill(context.Background(), assets.Programs))
}

// builder compiles shell scripts and remembers what it built.
type builder struct {
	mu    sync.Mutex
	built []string
}

func (b *builder) compile(_ context.Context, p assets.Program, out string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.built = append(b.built, p.Name)
	says := "Kubernetes "
	if p.Name == "etcd" {
		says = "etcd Version: "
	}
	return os.WriteFile(out, []byte("#!/bin/sh\necho "+says+p.Version+"\n"), 0o755)
}

func (b *builder) cache(dir string) *cache {
	return &cache{dir: dir, recipe: recipe("one", ""), compile: b.compile, report: func(string, ...any) {}}
}

func (b *builder) fill(t *testing.T, dir string) {
	t.Helper()
	if err := b.cache(dir).fill(context.Background(), assets.Programs); err != nil {
		t.Fatal(err)
	}
}

// recipe is one recipe for all programs but except, which has another.
func recipe(digest, except string) func(assets.Program) (string, error) {
	return func(p assets.Program) (string, error) {
		if p.Name == except {
			return "another", nil
		}
		return digest, nil
	}
}

func names() []string {
	var out []string
	for _, p := range assets.Programs {
		out = append(out, p.Name)
	}
	return out
}

func TestFillBuildsOnceAndWhatItBuiltIsFound(t *testing.T) {
	home := t.TempDir()
	l := assets.Lookup{Getenv: func(k string) string { return map[string]string{"XDG_CACHE_HOME": home}[k] }}
	var b builder
	b.fill(t, l.CacheDir())
	b.fill(t, l.CacheDir())
	if !slices.Equal(b.built, names()) {
		t.Errorf("got builds %v, want each program once", b.built)
	}
	if _, err := l.Find(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestBuilderKilledHalfWayLeavesOnlyWhatItFinished(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), halfBuildDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if killed := cmd.Process.Kill(); killed != nil {
		t.Fatal(killed)
	}
	_ = cmd.Wait() // killed
	if err != nil || line != "half-way\n" {
		t.Fatalf("got %q, %v; want half-way", line, err)
	}

	m, err := assets.ReadManifest(dir)
	if _, ok := m.Binaries["kube-apiserver"]; err != nil || !ok || len(m.Binaries) != 1 {
		t.Errorf("got %v, %v; want kube-apiserver alone in the manifest", m.Binaries, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "kube-controller-manager")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want no kube-controller-manager", err)
	}
	var b builder
	b.fill(t, dir) // the lock died with its holder
	if want := names()[1:]; !slices.Equal(b.built, want) {
		t.Errorf("got builds %v, want %v", b.built, want)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*.tmp")); len(left) > 0 {
		t.Errorf("got left-overs %v", left)
	}
}

func TestFillDoesNotTrustWhatItFinds(t *testing.T) {
	for _, row := range []struct {
		name   string
		damage func(dir string) error
		want   []string
	}{
		{"a binary that was cut short is built again", func(dir string) error {
			return os.Truncate(filepath.Join(dir, "etcd"), 5)
		}, []string{"etcd"}},
		{"a binary that was altered without changing its size is built again", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "kube-scheduler"), []byte("#!/bin/sh\necho KuberneteZ v1.35.4\n"), 0o755)
		}, []string{"kube-scheduler"}},
		{"a binary that was removed is built again", func(dir string) error {
			return os.Remove(filepath.Join(dir, "kubectl"))
		}, []string{"kubectl"}},
		{"a manifest that was cut short is no manifest", func(dir string) error {
			return os.Truncate(filepath.Join(dir, assets.ManifestFile), 20)
		}, names()},
		{"without a manifest nothing is good", func(dir string) error {
			return os.Remove(filepath.Join(dir, assets.ManifestFile))
		}, names()},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			new(builder).fill(t, dir)
			if err := row.damage(dir); err != nil {
				t.Fatal(err)
			}
			var b builder
			b.fill(t, dir)
			if !slices.Equal(b.built, row.want) {
				t.Errorf("got builds %v, want %v", b.built, row.want)
			}
		})
	}
}

func TestAnotherRecipeBuildsTheProgramAnew(t *testing.T) {
	dir := t.TempDir()
	new(builder).fill(t, dir)
	var b builder
	c := b.cache(dir)
	c.recipe = recipe("one", "govc")
	if err := c.fill(context.Background(), assets.Programs); err != nil || !slices.Equal(b.built, []string{"govc"}) {
		t.Errorf("got builds %v, %v; want govc, whose recipe is another", b.built, err)
	}
}

func TestBinaryOfTheWrongVersionIsRefused(t *testing.T) {
	dir := t.TempDir()
	var b builder
	c := b.cache(dir)
	c.compile = func(ctx context.Context, p assets.Program, out string) error {
		p.Version = "v1.0.0"
		return b.compile(ctx, p, out)
	}
	err := c.fill(context.Background(), assets.Programs)
	if err == nil || !strings.Contains(err.Error(), "kube-apiserver: got version v1.0.0, want "+assets.Kubernetes) {
		t.Errorf("got %v, want the versions", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "kube-apiserver")); err == nil {
		t.Error("got kube-apiserver in place")
	}
}

func TestTwoBuildersAtOnceBuildEachProgramOnce(t *testing.T) {
	dir := t.TempDir()
	var b builder
	var all sync.WaitGroup
	errs := make([]error, 2)
	for i := range errs {
		all.Go(func() { errs[i] = b.cache(dir).fill(context.Background(), assets.Programs) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil || !slices.Equal(b.built, names()) {
		t.Errorf("got builds %v, %v; want each program once", b.built, err)
	}
}

func TestPlaceLinksAndReplaces(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "bin", "etcd")
	if err := os.WriteFile(from, []byte("new"), 0o755); err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, false} {
		if got, err := place(from, to); err != nil || got != want {
			t.Errorf("time %d: got %v, %v; want %v", i, got, err, want)
		}
	}
	if err := os.Remove(to); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, []byte("old"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got, err := place(from, to); err != nil || !got {
		t.Errorf("over another file: got %v, %v; want true", got, err)
	}
	if b, err := os.ReadFile(to); err != nil || string(b) != "new" {
		t.Errorf("got %q, %v; want new", b, err)
	}
}

func TestPlainFlagsDropOurBuildsOwn(t *testing.T) {
	got := plainFlags("-buildvcs=false -tags=worldtime -modcacherw -overlay=/x/overlay.json")
	if want := "-buildvcs=false -modcacherw"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestProgramsThatTheEnvironmentHoldsAreNotBuilt(t *testing.T) {
	env, bin := t.TempDir(), t.TempDir()
	vars := map[string]string{assets.EnvDir: env, "XDG_CACHE_HOME": t.TempDir()}
	l := assets.Lookup{Getenv: func(k string) string { return vars[k] }}
	for name, version := range map[string]string{"kube-apiserver": assets.Kubernetes, "kube-scheduler": "v1.20.0"} {
		if err := os.WriteFile(filepath.Join(env, name), []byte("#!/bin/sh\necho Kubernetes "+version+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	given, wanted := givenBy(context.Background(), l, bin)
	if len(given) != 1 || given["kube-apiserver"] != filepath.Join(env, "kube-apiserver") || len(wanted) != len(assets.Programs)-1 {
		t.Errorf("got %v given, want kube-apiserver alone: the scheduler there is too old", given)
	}
	if given, _ := givenBy(context.Background(), l, env); len(given) != 0 {
		t.Errorf("got %v given by the folder that is to be filled, want nothing", given)
	}
}
