package main

import (
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
)

// headings of a fake's package comment, in order, with what they are called on the page.
var headings = []struct{ word, title string }{
	{"Models:", "Models"},
	{"Simplifies:", "Simplifies"},
	{"Omits:", "Omits"},
	{"Source:", "Source"},
}

// fake is what a fake says about itself. Texts are in the order of headings.
type fake struct {
	name, synopsis string
	texts          []string
}

// fakes reads the package comments of root/fakes/*, sorted by name; fakekit is no fake.
func fakes(root string) ([]fake, error) {
	dirs, err := os.ReadDir(filepath.Join(root, "fakes"))
	if err != nil {
		return nil, err
	}
	var l []fake
	for _, d := range dirs {
		if !d.IsDir() || d.Name() == "fakekit" {
			continue
		}
		doc, err := packageComment(filepath.Join(root, "fakes", d.Name()))
		if err != nil {
			return nil, err
		}
		f, err := parse(d.Name(), doc)
		if err != nil {
			return nil, err
		}
		l = append(l, f)
	}
	return l, nil
}

func packageComment(dir string) (string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return "", err
	}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			return "", err
		}
		if !strings.HasSuffix(file, "_test.go") && f.Doc != nil {
			return f.Doc.Text(), nil
		}
	}
	return "", fmt.Errorf("%s: got no package comment", dir)
}

func parse(name, doc string) (fake, error) {
	first, _, _ := strings.Cut(doc, "\n\n")
	f := fake{name: name, synopsis: strings.TrimPrefix(oneLine(first), "Package "+name+" ")}
	rest := "\n" + doc
	for i, h := range headings {
		_, after, ok := strings.Cut(rest, "\n"+h.word)
		if !ok {
			return fake{}, fmt.Errorf("fakes/%s: got no %q after the headings before it", name, h.word)
		}
		rest = after
		text := after
		if i+1 < len(headings) {
			text, _, _ = strings.Cut(after, "\n"+headings[i+1].word)
		}
		f.texts = append(f.texts, oneLine(text))
	}
	return f, nil
}

// oneLine joins lines to one paragraph, in which "<" begins no tag.
func oneLine(s string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "<", "&lt;")
}
