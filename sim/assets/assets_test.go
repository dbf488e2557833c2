package assets

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// put writes an executable that prints text whatever it is asked.
func put(t *testing.T, dir, name, text string) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\necho '"+text+"'\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// cached puts a binary into the cache and the manifest.
func cached(t *testing.T, l Lookup, name string, size int64) string {
	t.Helper()
	path := put(t, l.CacheDir(), name, "Kubernetes "+Kubernetes)
	if size == 0 {
		st, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		size = st.Size()
	}
	m, err := ReadManifest(l.CacheDir())
	if err != nil {
		t.Fatal(err)
	}
	m.Binaries[name] = File{Size: size}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(l.CacheDir(), ManifestFile), b, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// empty is a lookup whose three places exist in a temporary folder and hold nothing.
func empty(t *testing.T) (l Lookup, env, bin string) {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	env, bin = filepath.Join(dir, "env"), filepath.Join(dir, "bin")
	vars := map[string]string{EnvDir: env, "XDG_CACHE_HOME": filepath.Join(dir, "cache")}
	return Lookup{Executable: put(t, bin, "rehearse", ""), Getenv: func(k string) string { return vars[k] }}, env, bin
}

func TestLocateTakesTheFirstGoodPlace(t *testing.T) {
	const name = "kube-apiserver"
	for _, row := range []struct {
		name     string
		env      string // what the binary in $KUBEBUILDER_ASSETS prints, "" for none
		bin, own bool
		size     int64 // of the manifest, 0 for the true one
		want     Source
	}{
		{name: "the environment wins", env: "Kubernetes v1.35.4", bin: true, own: true, want: FromEnv},
		{name: "another patch release in the environment is taken", env: "Kubernetes v1.35.0", own: true, want: FromEnv},
		{name: "another minor in the environment is passed over", env: "Kubernetes v1.34.9", bin: true, own: true, want: FromExecutable},
		{name: "a script in the environment that knows no version is passed over", env: "hello", own: true, want: FromCache},
		{name: "the executable's folder comes before the cache", bin: true, own: true, want: FromExecutable},
		{name: "the cache comes last", own: true, want: FromCache},
		{name: "a half-written binary in the cache is not taken", own: true, size: 7},
		{name: "nothing is nowhere"},
	} {
		t.Run(row.name, func(t *testing.T) {
			l, env, bin := empty(t)
			paths := map[Source]string{}
			if row.env != "" {
				paths[FromEnv] = put(t, env, name, row.env)
			}
			if row.bin {
				paths[FromExecutable] = put(t, bin, name, "")
			}
			if row.own {
				paths[FromCache] = cached(t, l, name, row.size)
			}
			got, err := l.Locate(context.Background(), name)
			var nf *NotFound
			if row.want == "" && !errors.As(err, &nf) {
				t.Fatalf("got %+v, %v; want NotFound", got, err)
			}
			if row.want != "" && (err != nil || got != Binary{Name: name, Path: paths[row.want], Source: row.want}) {
				t.Errorf("got %+v, %v; want %s from %s", got, err, paths[row.want], row.want)
			}
		})
	}
}

func TestCacheWithoutManifestHoldsNothing(t *testing.T) {
	l, _, _ := empty(t)
	put(t, l.CacheDir(), "etcd", "etcd Version: 3.6.5")
	if got, err := l.Locate(context.Background(), "etcd"); err == nil {
		t.Errorf("got %+v, want an error", got)
	}
}

func TestFindFollowsALinkToTheExecutable(t *testing.T) {
	l, _, bin := empty(t)
	link := filepath.Join(t.TempDir(), "rehearse")
	if err := os.Symlink(l.Executable, link); err != nil {
		t.Fatal(err)
	}
	l.Executable = link
	for _, p := range Programs {
		put(t, bin, p.Name, "")
	}
	want := Set{
		APIServer:         filepath.Join(bin, "kube-apiserver"),
		ControllerManager: filepath.Join(bin, "kube-controller-manager"),
		Scheduler:         filepath.Join(bin, "kube-scheduler"),
		Etcd:              filepath.Join(bin, "etcd"),
	}
	if got, err := l.Find(context.Background()); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
}

func TestFindNamesWhatIsMissingAndTheCommandThatMendsIt(t *testing.T) {
	l, env, bin := empty(t)
	put(t, env, "kube-apiserver", "Kubernetes v1.31.0")
	put(t, bin, "etcd", "")
	_, err := l.Find(context.Background())
	if err == nil {
		t.Fatal("got no error")
	}
	for _, want := range []string{
		Mend,
		"kube-apiserver: not found ($KUBEBUILDER_ASSETS " + env + ": got version v1.31.0, want v1.35.x; " +
			"beside the executable " + bin + ": not there; cache " + l.CacheDir() + ": not built)",
		"kube-scheduler: not found",
		"kube-controller-manager: not found",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %q, want it to contain %q", err, want)
		}
	}
	if strings.Contains(err.Error(), "etcd: not found") || strings.Contains(err.Error(), "kubectl") {
		t.Errorf("got %q, want neither etcd, which is there, nor kubectl, which is optional", err)
	}
}

func TestZeroLookupFindsNothing(t *testing.T) {
	var l Lookup
	var missing *Missing
	if _, err := l.Find(context.Background()); !errors.As(err, &missing) || len(missing.Binaries) != 4 {
		t.Errorf("got %v, want four missing binaries", err)
	}
}

func TestCacheDirIgnoresARelativeXDGPath(t *testing.T) {
	vars := map[string]string{"XDG_CACHE_HOME": "cache", "HOME": "/home/ada"}
	l := Lookup{Getenv: func(k string) string { return vars[k] }}
	if got, want := l.CacheDir(), "/home/ada/.cache/rehearse/assets/"+Kubernetes; !strings.HasPrefix(got, want) {
		t.Errorf("got %s, want %s…", got, want)
	}
}

func TestVersionsAreThoseOfTheToolsModules(t *testing.T) {
	for _, row := range []struct{ file, want string }{
		{"../../tools/go.mod", "k8s.io/kubernetes " + Kubernetes},
		{"../../tools/go.mod", "go.etcd.io/etcd/server/v3 " + Etcd},
		{"../../tools/govc/go.mod", "github.com/vmware/govmomi " + Govmomi},
	} {
		b, err := os.ReadFile(row.file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(b), row.want+"\n") {
			t.Errorf("%s: want %q", row.file, row.want)
		}
	}
}
