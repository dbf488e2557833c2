package archtest

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	// A file or a folder as our documents name it: `sim/boot.go`, `dsl/builtin_*.go`, `fakes/kubelet`.
	// A symbol of a package may follow: `sim/kube.StartProcess`.
	named = regexp.MustCompile("`((?:cmd|docs|dsl|fakes|runner|scenarios|sim|tools)/[^` ]*?)(?:\\.[A-Z][A-Za-z]*)?`")
	// [a page](page.md#section) or [a folder](docs/decisions).
	linked = regexp.MustCompile(`\]\(([^):#]+)(?:#[^)]*)?\)`)
)

// elsewhere are folders that a document may name although they are not ours to keep: made by a build, or of another
// repository.
var elsewhere = []string{"docs/en/...", "sim/manifests/generated/..."}

// Documents name what is there. NAME and the like stand for a name to be chosen.
func TestDocumentsNameWhatIsThere(t *testing.T) {
	var pages []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/decisions/*.md", "scenarios/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(found) == 0 {
			t.Fatal(pattern, found, err)
		}
		pages = append(pages, found...)
	}
	for _, page := range pages {
		b, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllStringSubmatch(string(b), -1) {
			file := strings.NewReplacer("NAME", "*", "VERB", "*", "/...", "", "/…", "").Replace(m[1])
			away := slices.ContainsFunc(elsewhere, func(pattern string) bool { return within(pattern, file) })
			if !away && !exists(filepath.Join(root, file)) {
				t.Errorf("%s names %s, which is not there", page, m[1])
			}
		}
		for _, m := range linked.FindAllStringSubmatch(string(b), -1) {
			if !exists(path.Join(filepath.ToSlash(filepath.Dir(page)), m[1])) {
				t.Errorf("%s links to %s, which is not there", page, m[1])
			}
		}
	}
}

func exists(pattern string) bool {
	found, err := filepath.Glob(pattern)
	return err == nil && len(found) > 0
}
