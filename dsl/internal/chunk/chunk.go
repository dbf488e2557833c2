// Package chunk reads test files in Starlark. A file is cut into chunks by lines of ---; each is a script of its own. A
// line that must be refused ends in ### "regexp", matched against the code, the message and the hints of the
// diagnostic at that line. Only tests import it.
package chunk

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rehearse-dev/rehearse/dsl/diag"
)

// Chunk is one script. Source starts with as many empty lines as stand before it in the file, so lines count the same.
type Chunk struct {
	Name   string // the first comment, else the line it starts at
	Source string
	wants  map[int]string
}

var want = regexp.MustCompile(`### (".*"|` + "`.*`" + `)\s*$`)

// Read cuts a file.
func Read(t testing.TB, file string) []Chunk {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var chunks []Chunk
	line := 0
	for _, source := range strings.Split(string(data), "\n---\n") {
		c := Chunk{Name: fmt.Sprintf("line %d", line+1), Source: strings.Repeat("\n", line) + source + "\n", wants: map[int]string{}}
		for i, text := range strings.Split(source, "\n") {
			if comment, ok := strings.CutPrefix(text, "# "); ok && i == 0 {
				c.Name = comment
			}
			if m := want.FindStringSubmatch(text); m != nil {
				pattern, err := strconv.Unquote(m[1])
				if err != nil {
					t.Fatalf("%s:%d: %v", file, line+i+1, err)
				}
				c.wants[line+i+1] = pattern
			}
		}
		chunks = append(chunks, c)
		line += strings.Count(source, "\n") + 2
	}
	return chunks
}

// Check compares what was found with what the chunk expects.
func (c Chunk) Check(t testing.TB, err error) {
	t.Helper()
	found := map[int]bool{}
	all := diag.All(err)
	if err != nil && len(all) == 0 {
		t.Errorf("got %v (%T), want a diagnostic", err, err)
	}
	for _, d := range all {
		pattern, ok := c.wants[d.Pos.Line]
		if !ok {
			t.Errorf("unexpected: %s", diag.Text(d))
			continue
		}
		found[d.Pos.Line] = true
		got := fmt.Sprintf("%s: %s %s", d.Code, d.Message, strings.Join(d.Hints, "; "))
		if !regexp.MustCompile(pattern).MatchString(got) {
			t.Errorf("%s: got %q, want %q", d.Pos, got, pattern)
		}
	}
	for line, pattern := range c.wants {
		if !found[line] {
			t.Errorf("line %d: got no diagnostic, want %q", line, pattern)
		}
	}
}
