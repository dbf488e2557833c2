package assets

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"
)

// EnvDir is the environment variable that names a folder of binaries, as envtest has it.
const EnvDir = "KUBEBUILDER_ASSETS"

// Mend is the command that puts missing binaries in place.
const Mend = "make assets"

// askTimeout bounds `<binary> --version`, which takes a tenth of a second.
const askTimeout = 20 * time.Second

// Lookup says where to look. The zero Lookup finds nothing.
type Lookup struct {
	Executable string              // path of the running program, "" when unknown
	Getenv     func(string) string // nil: an empty environment
}

// Source is where a binary was found.
type Source string

const (
	FromEnv        Source = "$" + EnvDir
	FromExecutable Source = "beside the executable"
	FromCache      Source = "cache"
)

// Binary is a program that was found.
type Binary struct {
	Name   string
	Path   string // absolute
	Source Source
}

// Set is what a twin needs. Paths are absolute.
type Set struct {
	APIServer         string
	ControllerManager string
	Scheduler         string
	Etcd              string
}

// Missing is the error of Find: some binaries are nowhere.
type Missing struct {
	Binaries []NotFound
}

// NotFound is the error of Locate: one binary is nowhere. Tried has a line for each place, with why it was passed over.
type NotFound struct {
	Name  string
	Tried []string
}

func (e *NotFound) Error() string {
	return fmt.Sprintf("%s: not found (%s)", e.Name, strings.Join(e.Tried, "; "))
}

func (e *Missing) Error() string {
	var s strings.Builder
	s.WriteString("control-plane binaries are missing; to build them: " + Mend)
	for _, b := range e.Binaries {
		s.WriteString("\n  " + b.Error())
	}
	return s.String()
}

// Find returns everything that a twin needs, or *Missing.
func (l Lookup) Find(ctx context.Context) (Set, error) {
	var s Set
	wanted := []struct {
		name string
		path *string
	}{
		{"kube-apiserver", &s.APIServer},
		{"kube-controller-manager", &s.ControllerManager},
		{"kube-scheduler", &s.Scheduler},
		{"etcd", &s.Etcd},
	}
	errs := make([]error, len(wanted))
	var all sync.WaitGroup // a foreign binary takes a tenth of a second to say its version
	for i, w := range wanted {
		all.Go(func() {
			var b Binary
			b, errs[i] = l.Locate(ctx, w.name)
			*w.path = b.Path
		})
	}
	all.Wait()
	var missing Missing
	for _, err := range errs {
		var nf *NotFound
		switch {
		case errors.As(err, &nf):
			missing.Binaries = append(missing.Binaries, *nf)
		case err != nil:
			return Set{}, err
		}
	}
	if len(missing.Binaries) > 0 {
		return Set{}, &missing
	}
	return s, nil
}

// Locate returns the first good binary of that name, or *NotFound. In $KUBEBUILDER_ASSETS, which is other people's, good
// means that it runs and is of the minor version wanted.
func (l Lookup) Locate(ctx context.Context, name string) (Binary, error) {
	p, err := program(name)
	if err != nil {
		return Binary{}, err
	}
	nf := &NotFound{Name: name}
	for _, place := range []struct {
		source Source
		dir    string
		check  func(dir string) error
	}{
		{FromEnv, l.getenv(EnvDir), func(dir string) error { return checkForeign(ctx, p, dir) }},
		{FromExecutable, l.executableDir(), func(dir string) error { return checkRunnable(filepath.Join(dir, name)) }},
		{FromCache, l.CacheDir(), func(dir string) error { return checkCached(dir, name) }},
	} {
		if place.dir == "" {
			continue
		}
		err := place.check(place.dir)
		if err == nil {
			path, err := filepath.Abs(filepath.Join(place.dir, name))
			return Binary{Name: name, Path: path, Source: place.source}, err
		}
		nf.Tried = append(nf.Tried, fmt.Sprintf("%s %s: %v", place.source, place.dir, err))
	}
	return Binary{}, nf
}

// CacheDir is the folder that `make assets` fills, "" when the environment names no home.
func (l Lookup) CacheDir() string {
	base := l.getenv("XDG_CACHE_HOME")
	if !filepath.IsAbs(base) { // the XDG specification: a relative path is to be ignored
		home := l.getenv("HOME")
		if home == "" {
			return ""
		}
		base = filepath.Join(home, ".cache")
	}
	return filepath.Join(base, "rehearse", "assets", Kubernetes+"-"+runtime.GOOS+"-"+runtime.GOARCH)
}

func (l Lookup) getenv(key string) string {
	if l.Getenv == nil {
		return ""
	}
	return l.Getenv(key)
}

// executableDir follows a symbolic link, so that bin/ need not be where the user's PATH points.
func (l Lookup) executableDir() string {
	if l.Executable == "" {
		return ""
	}
	if real, err := filepath.EvalSymlinks(l.Executable); err == nil {
		return filepath.Dir(real)
	}
	return filepath.Dir(l.Executable)
}

func checkRunnable(path string) error {
	st, err := os.Stat(path)
	switch {
	case err != nil:
		return errors.New("not there")
	case !st.Mode().IsRegular() || st.Mode()&0o111 == 0:
		return errors.New("not executable")
	}
	return nil
}

func checkForeign(ctx context.Context, p Program, dir string) error {
	path := filepath.Join(dir, p.Name)
	if err := checkRunnable(path); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	got, err := p.Ask(ctx, path)
	if err != nil {
		return err
	}
	if !p.fits(got) {
		return fmt.Errorf("got version %s, want %s.x", got, minor(p.Version))
	}
	return nil
}

func checkCached(dir, name string) error {
	m, err := ReadManifest(dir)
	if err != nil {
		return err
	}
	if err := m.holds(dir, name); err != nil {
		return err
	}
	return checkRunnable(filepath.Join(dir, name))
}
