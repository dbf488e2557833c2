package sim

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// Manifest is one Kubernetes object of a file.
type Manifest struct {
	File   string
	Line   int // of the document's first line
	Object *unstructured.Unstructured
	digest string // SHA-256 of the file
}

// Where is "file:line".
func (m Manifest) Where() string { return fmt.Sprintf("%s:%d", m.File, m.Line) }

func (m Manifest) String() string { return m.Object.GetKind() + " " + m.Object.GetName() }

// InputError is a fault of what the user gave: nothing was started.
type InputError struct {
	Where string // file:line of a manifest, the folder of a cluster, or "": the world itself
	Err   error
}

func (e *InputError) Error() string {
	if e.Where == "" {
		return e.Err.Error()
	}
	return e.Where + ": " + e.Err.Error()
}

func (e *InputError) Unwrap() error { return e.Err }

var manifestTypes = []string{".json", ".yaml", ".yml"}

// readManifests reads all *.yaml, *.yml and *.json of a directory but one, in the order of their names, as kubectl apply
// -f does.
func readManifests(dir, except string) ([]Manifest, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, &InputError{dir, err}
	}
	var l []Manifest
	for _, e := range entries {
		if e.IsDir() || e.Name() == except || !slices.Contains(manifestTypes, filepath.Ext(e.Name())) {
			continue
		}
		m, err := readManifest(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		l = append(l, m...)
	}
	if len(l) == 0 {
		return nil, &InputError{dir, errors.New("got no manifest, want *.yaml files")}
	}
	return l, nil
}

func readManifest(file string) ([]Manifest, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, &InputError{file, err}
	}
	digest := fmt.Sprintf("%x", sha256.Sum256(b))
	var l []Manifest
	for _, d := range documents(b) {
		m := Manifest{File: file, Line: d.line, Object: &unstructured.Unstructured{}, digest: digest}
		if err := yaml.UnmarshalStrict(d.text, &m.Object.Object); err != nil {
			return nil, d.broken(file, err)
		}
		if len(m.Object.Object) == 0 {
			continue // only comments
		}
		for _, want := range []struct{ what, got string }{{"apiVersion", m.Object.GetAPIVersion()}, {"kind", m.Object.GetKind()}, {"metadata.name", m.Object.GetName()}} {
			if want.got == "" {
				return nil, &InputError{m.Where(), fmt.Errorf("got no %s, want a Kubernetes object", want.what)}
			}
		}
		l = append(l, m)
	}
	return l, nil
}

type document struct {
	line int
	text []byte
}

var decoderLine = regexp.MustCompile(`line (\d+): (.*)`)

// broken is the error for a document that is no YAML, or no object: at the line where the decoder gave up, if it says.
func (d document) broken(file string, err error) error {
	if m := decoderLine.FindStringSubmatch(err.Error()); m != nil {
		n, _ := strconv.Atoi(m[1]) // a number that is none does not match
		return &InputError{fmt.Sprintf("%s:%d", file, d.line+n-1), errors.New(m[2])}
	}
	return &InputError{fmt.Sprintf("%s:%d", file, d.line), fmt.Errorf("the document that begins here: %w", err)}
}

// documents splits a YAML stream at its "---" lines and remembers where each begins.
func documents(b []byte) []document {
	var l []document
	cur := document{line: 1}
	r := bufio.NewReader(bytes.NewReader(b))
	for n := 1; ; n++ {
		line, err := r.ReadBytes('\n')
		if s := strings.TrimRight(string(line), " \t\r\n"); s == "---" || strings.HasPrefix(s, "--- ") {
			l = append(l, cur)
			cur = document{line: n + 1}
		} else {
			cur.text = append(cur.text, line...)
		}
		if err == io.EOF {
			return append(l, cur)
		}
	}
}

// str is a string field of the object, "" when it is absent.
func (m Manifest) str(path ...string) string {
	s, _, _ := unstructured.NestedString(m.Object.Object, path...)
	return s
}

// secret is a value of a Secret, from stringData or data.
func (m Manifest) secret(key string) string {
	if s := m.str("stringData", key); s != "" {
		return s
	}
	b, err := base64.StdEncoding.DecodeString(m.str("data", key))
	if err != nil {
		return ""
	}
	return string(b)
}
