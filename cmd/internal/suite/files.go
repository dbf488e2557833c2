package suite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rehearse-dev/rehearse/cmd/internal/rehearsal"
	"github.com/rehearse-dev/rehearse/dsl"
)

// ending is that of files with scenarios; a file that is named need not have it.
const ending = "_test.star"

// PathError is a path in which there is nothing to test.
type PathError struct {
	Path string
	Err  error
}

func (e *PathError) Error() string { return e.Path + ": " + e.Err.Error() }
func (e *PathError) Unwrap() error { return e.Err }

// Files are the files of scenarios that the paths name, those of directories in the order of their names, each once. The
// error is a *PathError.
func Files(paths []string) ([]string, error) {
	var files []string
	for _, path := range paths {
		found, err := filesIn(path)
		if err != nil {
			return nil, &PathError{path, err}
		}
		for _, f := range found {
			if f = filepath.Clean(f); !slices.Contains(files, f) {
				files = append(files, f)
			}
		}
	}
	return files, nil
}

func filesIn(path string) ([]string, error) {
	info, err := os.Stat(path)
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		return nil, p.Err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	var files []string
	err = filepath.WalkDir(path, func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && file != path && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case !d.IsDir() && strings.HasSuffix(d.Name(), ending):
			files = append(files, file)
		}
		return nil
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("got no file *%s in it", ending)
	}
	return files, err
}

// Item is a scenario of a suite.
type Item struct {
	Index    int // among all that the paths name, from 0 on
	Scenario *dsl.Scenario
	File     string // as it was named or found
	Faults   []string
	Seed     uint64
}

// ID names the item in a result file: its file and its name.
func (i *Item) ID() string { return idOf(i.File, i.Scenario.Name) }

func idOf(file, name string) string { return filepath.ToSlash(file) + ": " + name }

// several is the name of suites that are run together.
const several = "scenarios"

// Load reads all scenarios of the files, in the order of the files and of the declarations, and checks each of them. The
// name is that of the suite, or several where the files' suites differ. The errors are diag.Diagnostics, all that is wrong at once.
func Load(files []string, seed uint64) (name string, items []*Item, err error) {
	var wrong []error
	for _, file := range files {
		s, err := dsl.Loader{}.Suite(file)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		switch name {
		case "":
			name = s.Name
		case s.Name:
		default:
			name = several
		}
		for _, x := range s.Scenarios {
			r, err := rehearsal.LoadScenario(x, rehearsal.Config{Seed: seed})
			if err != nil {
				wrong = append(wrong, err)
				continue
			}
			items = append(items, &Item{Index: len(items), Scenario: x, File: file, Faults: r.Faults(), Seed: r.Seed()})
		}
	}
	return name, items, errors.Join(wrong...)
}

// Find loads one scenario of a file by its name.
func Find(file, name string) (*dsl.Scenario, error) {
	s, err := dsl.Loader{}.Suite(file)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(s.Scenarios, func(x *dsl.Scenario) bool { return x.Name == name })
	if i < 0 {
		return nil, &PathError{file, fmt.Errorf("got no scenario %q in it", name)}
	}
	return s.Scenarios[i], nil
}
