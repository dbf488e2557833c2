package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const (
	module = "github.com/rehearse-dev/rehearse"
	root   = "../../.."
)

// source is one Go file of the module.
type source struct {
	path string // from the root, with slashes
	fset *token.FileSet
	ast  *ast.File
}

func (s source) dir() string         { return path.Dir(s.path) }
func (s source) test() bool          { return strings.HasSuffix(s.path, "_test.go") }
func (s source) line(n ast.Node) int { return s.fset.Position(n.Pos()).Line }

// name is what the file calls an imported package, "" when it does not import it.
func (s source) name(importPath string) string {
	for _, i := range s.ast.Imports {
		if p, _ := strconv.Unquote(i.Path.Value); p != importPath {
			continue
		}
		if i.Name != nil {
			return i.Name.Name
		}
		base := path.Base(importPath)
		if base == "v2" {
			base = path.Base(path.Dir(importPath))
		}
		return base
	}
	return ""
}

// tree parses all Go files of the module; nested modules, hidden folders and test data are not part of it.
func tree(t *testing.T) []source {
	t.Helper()
	var l []source
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && file != root && foreign(file, d.Name()) {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(file, ".go") {
			return nil
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, file, nil, parser.ParseComments|parser.SkipObjectResolution)
		l = append(l, source{filepath.ToSlash(rel), fset, f})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(l) < 100 {
		t.Fatalf("got %d files, want the whole tree", len(l))
	}
	return l
}

func foreign(dir, name string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil || name == "testdata" || strings.HasPrefix(name, ".")
}

// within says whether a path is the pattern, or, for "x/...", x or below it.
func within(pattern, p string) bool {
	prefix, tree := strings.CutSuffix(pattern, "/...")
	return p == prefix || tree && strings.HasPrefix(p, prefix+"/")
}
