package suite

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/rehearse-dev/rehearse/runner/journal"
	"github.com/rehearse-dev/rehearse/runner/report"
)

// ResultFile is the result of a suite, in its directory: what -o json prints.
const ResultFile = "result.json"

// Save writes the result into the suite's directory.
func Save(dir string, s *report.Suite) error {
	b, err := report.SuiteJSON(s)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, ResultFile), b, 0o600)
}

// ErrNoResult means that no suite of that name has left a result.
var ErrNoResult = errors.New("there is no result of it")

// Failed are the IDs of the items that were no Pass when the suite of that name was run the last time, and the directory
// of that result. parent is the directory in which runs keep their directories.
func Failed(parent, name string) (ids []string, dir string, err error) {
	dirs, err := filepath.Glob(filepath.Join(parent, name+"-[0-9]*", ResultFile))
	if err != nil {
		return nil, "", err
	}
	if len(dirs) == 0 {
		return nil, "", fmt.Errorf("%s: %w", filepath.Join(parent, name+"-*"), ErrNoResult)
	}
	slices.Sort(dirs) // their names end in the time
	file := dirs[len(dirs)-1]
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, "", err
	}
	var o report.SuiteObject
	if err := json.Unmarshal(b, &o); err != nil {
		return nil, "", fmt.Errorf("%s: %w", file, err)
	}
	ids = []string{}
	for _, s := range o.Scenarios {
		if s.Verdict != journal.Pass {
			ids = append(ids, filepath.ToSlash(s.File)+": "+s.Name)
		}
	}
	return ids, filepath.Dir(file), nil
}
