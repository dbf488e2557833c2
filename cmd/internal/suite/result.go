package suite

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

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

// stamp is the time in which the name of a suite's directory ends.
const stamp = "20060102-150405.000"

// DirOf is where a suite of that name that begins at t keeps its results.
func DirOf(parent, name string, t time.Time) string {
	return filepath.Join(parent, name+"-"+t.UTC().Format(stamp))
}

// digits is the stamp as a pattern.
var digits = regexp.MustCompile(`\d`).ReplaceAllString(stamp, "[0-9]")

// Failed are the IDs of the items that were no Pass when they were last run in a suite of that name. parent is the
// directory in which suites keep their directories.
func Failed(parent, name string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(parent, name+"-"+digits, ResultFile))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s: %w", filepath.Join(parent, name+"-*"), ErrNoResult)
	}
	slices.Sort(files)
	slices.Reverse(files) // the newest first
	ids, seen := []string{}, map[string]bool{}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var o report.SuiteObject
		if err := json.Unmarshal(b, &o); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for _, s := range o.Scenarios {
			id := idOf(s.File, s.Name)
			if !seen[id] && s.Verdict != journal.Pass {
				ids = append(ids, id)
			}
			seen[id] = true
		}
	}
	return ids, nil
}
