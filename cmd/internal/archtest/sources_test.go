package archtest

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var cited = regexp.MustCompile(`\b[0-9]{3}_[0-9a-f]{16}\.txt\b`)

// A document that is cited by the name of its text can be found by whoever reads that: docs/sources.md says what it is.
func TestEveryCitedDocumentIsKnown(t *testing.T) {
	b, err := os.ReadFile(root + "/docs/sources.md")
	if err != nil {
		t.Fatal(err)
	}
	known := cited.FindAllString(string(b), -1)
	n := 0
	err = filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && file != root && (strings.HasPrefix(d.Name(), ".") || slices.Contains([]string{"bin", "runs"}, d.Name())):
			return fs.SkipDir
		case d.IsDir() || !slices.Contains([]string{".go", ".md", ".star", ".yaml"}, path.Ext(file)):
			return nil
		}
		text, err := os.ReadFile(file)
		for _, name := range cited.FindAllString(string(text), -1) {
			if n++; !slices.Contains(known, name) {
				t.Errorf("%s cites %s, which docs/sources.md does not know", file, name)
			}
		}
		return err
	})
	if err != nil || n <= len(known) {
		t.Fatalf("got %d citations and error %v, want those of the whole tree", n, err)
	}
}
