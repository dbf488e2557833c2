package dsl

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rehearse-dev/rehearse/dsl/diag"
	"github.com/rehearse-dev/rehearse/dsl/stdlib"
)

// Loader reads runbooks and worlds. Every error is a diag.Diagnostic or a diag.List of stage load. The zero Loader
// reads from the file system; a Loader may be used by several goroutines.
type Loader struct {
	// Root is what load("//…") starts from; "" is the nearest directory above the file that has a .git, else its own.
	Root string
	// ReadFile reads a file by its absolute path; nil is ReadSource.
	ReadFile func(string) ([]byte, error)
	// Print receives what print() says, while loading and while running; nil drops it.
	Print func(Position, string)
}

// Runbook loads the file that declares exactly one runbook.
func (l Loader) Runbook(file string) (*Runbook, error) {
	ld, m, err := l.load(file)
	if err != nil {
		return nil, err
	}
	if err := m.declaresOne("runbook", len(m.runbooks), "runbook(name = …, run = …)"); err != nil {
		return nil, err
	}
	rb := m.runbooks[0]
	rb.Files = ld.closure(m)
	return rb, nil
}

// World loads the file that declares exactly one world.
func (l Loader) World(file string) (*World, error) {
	_, m, err := l.load(file)
	if err != nil {
		return nil, err
	}
	if err := m.declaresOne("world", len(m.worlds), "world(clusters = […])"); err != nil {
		return nil, err
	}
	return m.worlds[0], nil
}

// Suite loads the file that declares scenarios.
func (l Loader) Suite(file string) (*Suite, error) {
	ld, m, err := l.load(file)
	if err != nil {
		return nil, err
	}
	if len(m.scenarios) == 0 {
		d := diag.New("declares-none", "the file declares no scenario").
			Hint("write scenario(name, world = …, runbook = …, expect = …) at top level")
		return nil, ld.prog.at(diag.Load, Position{File: m.file}, d)
	}
	s := m.named()
	for _, x := range s.Scenarios {
		x.Runbook.Files = ld.closure(x.Runbook.module)
	}
	return s, nil
}

// closure is a module's file and all that it loads, with their SHA-256.
func (ld *loading) closure(m *module) map[string]string {
	files := map[string]string{}
	for _, x := range m.closure(nil) {
		files[x.label] = ld.files[x.label]
	}
	return files
}

// closure is the module and all that it loads, each once.
func (m *module) closure(seen []*module) []*module {
	if slices.Contains(seen, m) {
		return seen
	}
	seen = append(seen, m)
	for _, x := range m.loads {
		seen = x.closure(seen)
	}
	return seen
}

// Check loads a file of any kind and returns what is wrong with it.
func (l Loader) Check(file string) error {
	_, _, err := l.load(file)
	return err
}

// loading is one load of a file with all that it loads in turn.
type loading struct {
	Loader
	prog    *program
	root    string             // absolute
	modules map[string]*module // by label
	files   map[string]string  // label to SHA-256
	chain   []string           // labels under way, outermost first
}

func (l Loader) load(file string) (*loading, *module, error) {
	ld := &loading{
		Loader:  l,
		prog:    &program{sources: map[string]string{}, names: known(), print: l.Print},
		modules: map[string]*module{},
		files:   map[string]string{},
	}
	abs, err := filepath.Abs(file)
	if err != nil {
		return nil, nil, unreadable(file, err)
	}
	if ld.root = rootOf(abs); l.Root != "" {
		if ld.root, err = filepath.Abs(l.Root); err != nil {
			return nil, nil, unreadable(file, err)
		}
	}
	rel, err := filepath.Rel(ld.root, abs)
	if err != nil || !filepath.IsLocal(rel) {
		return nil, nil, unreadable(file, fmt.Errorf("it is outside of %s", ld.root))
	}
	m, err := ld.module("//" + filepath.ToSlash(rel))
	return ld, m, err
}

// rootOf is the nearest directory above file with a .git, else the file's own.
func rootOf(file string) string {
	own := filepath.Dir(file)
	for dir := own; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			return own
		}
	}
}

const embedded = "@rehearse//"

// isEmbedded reports whether a file of a position is part of the standard library.
func isEmbedded(file string) bool { return strings.HasPrefix(file, embedded) }

// labelOf is the full name of what from loads as ref: //lib/x.star or @rehearse//x.star.
func labelOf(from, ref string) (string, error) {
	base, rest := "//", ""
	switch {
	case strings.HasPrefix(ref, embedded):
		base, rest = embedded, ref[len(embedded):]
	case strings.HasPrefix(ref, "//"):
		rest = ref[2:]
	default:
		if isEmbedded(from) {
			base = embedded
		}
		rest = path.Join(path.Dir(strings.TrimPrefix(from, base)), strings.TrimPrefix(ref, ":"))
	}
	if !fs.ValidPath(rest) || !strings.HasSuffix(rest, ".star") || strings.ContainsAny(rest, "\\@:") {
		return "", diag.New("load-label", "cannot load %q: want a .star file under the root", ref).
			Hint(`write "//dir/file.star" from the root, "file.star" from here, or "@rehearse//capi.star"`)
	}
	return base + rest, nil
}

// read is the source of a label, and the name that positions in it carry.
func (ld *loading) read(label string) (name string, source []byte, err error) {
	if rest, ok := strings.CutPrefix(label, embedded); ok {
		source, err = stdlib.FS.ReadFile(rest)
		if err != nil {
			err = diag.New("load-not-found", "the standard library has no %q", rest).
				Hint(diag.DidYouMean(rest, embeddedFiles()))
		}
		return label, source, err
	}
	abs := filepath.Join(ld.root, filepath.FromSlash(strings.TrimPrefix(label, "//")))
	read := ld.ReadFile
	if read == nil {
		read = ReadSource
		if err := ld.inside(abs); err != nil {
			return displayed(abs), nil, unreadable(displayed(abs), err)
		}
	}
	if source, err = read(abs); err != nil {
		return displayed(abs), nil, unreadable(displayed(abs), err)
	}
	return displayed(abs), source, nil
}

// ReadSource reads a script's file, and no more of one without an end than a script may have. A byte order mark, which
// some editors write, is left out.
func ReadSource(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	source, err := io.ReadAll(io.LimitReader(f, maxSource+1))
	if err == nil && len(source) > maxSource {
		err = fmt.Errorf("it is larger than %d MiB", maxSource>>20)
	}
	return bytes.TrimPrefix(source, []byte("\ufeff")), err
}

// inside refuses a file that is loaded through a link which leads out of the root. What a person names may be anywhere.
func (ld *loading) inside(abs string) error {
	if len(ld.chain) == 1 {
		return nil
	}
	root, err := filepath.EvalSymlinks(ld.root)
	if err != nil {
		return err
	}
	file, err := filepath.EvalSymlinks(abs)
	if err != nil {
		return err
	}
	if rel, err := filepath.Rel(root, file); err != nil || !filepath.IsLocal(rel) {
		return fmt.Errorf("it is a link out of the root %s", displayed(ld.root))
	}
	return nil
}

func embeddedFiles() []string {
	entries, _ := stdlib.FS.ReadDir(".") // an embedded directory can always be read
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names
}

// displayed is a path as a person would write it: relative when it is below the working directory.
func displayed(abs string) string {
	if wd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(wd, abs); err == nil && filepath.IsLocal(rel) {
			return rel
		}
	}
	return abs
}

func unreadable(file string, err error) error {
	var perr *fs.PathError
	if errors.As(err, &perr) {
		err = perr.Err
	}
	d := diag.New("load-not-found", "cannot read %s: %v", file, err)
	d.Stage, d.Severity, d.Err = diag.Load, diag.Error, err
	return d
}

// module loads a label once.
func (ld *loading) module(label string) (*module, error) {
	if m, ok := ld.modules[label]; ok {
		if m == nil {
			chain := strings.Join(append(ld.chain, label), " → ")
			return nil, diag.New("load-cycle", "files load each other: %s", chain)
		}
		return m, m.err
	}
	ld.modules[label] = nil // under way
	ld.chain = append(ld.chain, label)
	m := &module{label: label, ld: ld}
	m.err = m.exec()
	ld.chain = ld.chain[:len(ld.chain)-1]
	ld.modules[label] = m
	return m, m.err
}

// record keeps a source for positions and for the digest of what was loaded.
func (ld *loading) record(label, name string, source []byte) {
	sum := sha256.Sum256(source)
	ld.files[label] = hex.EncodeToString(sum[:])
	ld.prog.sources[name] = string(source)
}
