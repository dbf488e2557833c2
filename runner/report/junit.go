package report

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

// JUnit is a suite as the common subset of JUnit's XML: a testsuite per file, a testcase per scenario. What the runbook
// or the site did otherwise is a failure, what our own machinery did is an error. Times are wall seconds; site time is
// a property.
func JUnit(s *Suite) ([]byte, error) {
	root := newTestsuite("rehearse", s.Cases)
	root.XMLName.Local = "testsuites"
	root.Time = seconds(s.WallSeconds)
	for _, file := range filesOf(s.Cases) {
		l := slices.DeleteFunc(slices.Clone(s.Cases), func(c *Case) bool { return c.File != file })
		suite := newTestsuite(file, l)
		suite.Timestamp = s.Started.UTC().Format("2006-01-02T15:04:05")
		for _, c := range l {
			suite.Cases = append(suite.Cases, newTestcase(s, c))
		}
		root.Suites = append(root.Suites, suite)
	}
	var b bytes.Buffer
	b.WriteString(xml.Header)
	enc := xml.NewEncoder(&b)
	enc.Indent("", "  ")
	if err := enc.Encode(root); err != nil {
		return nil, fmt.Errorf("junit: %w", err)
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

type testsuite struct {
	XMLName   xml.Name
	Name      string `xml:"name,attr"`
	Tests     int    `xml:"tests,attr"`
	Failures  int    `xml:"failures,attr"`
	Errors    int    `xml:"errors,attr"`
	Skipped   int    `xml:"skipped,attr"`
	Time      string `xml:"time,attr"`
	Timestamp string `xml:"timestamp,attr,omitempty"`
	Suites    []testsuite
	Cases     []testcase
}

type testcase struct {
	XMLName    xml.Name   `xml:"testcase"`
	Classname  string     `xml:"classname,attr"` // GitLab shows it as the suite
	Name       string     `xml:"name,attr"`
	File       string     `xml:"file,attr"`
	Line       int        `xml:"line,attr,omitempty"`
	Time       string     `xml:"time,attr"`
	Properties []property `xml:"properties>property"`
	Failure    *problem   `xml:"failure"`
	Error      *problem   `xml:"error"`
	Skipped    *problem   `xml:"skipped"`
	Out        *verbose   `xml:"system-out"`
}

type property struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type problem struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",cdata"`
}

type verbose struct {
	Text string `xml:",cdata"`
}

// printable takes out what XML cannot hold, CDATA included.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r >= ' ' && r != 0xFFFE && r != 0xFFFF {
			return r
		}
		return ' '
	}, s)
}

func newTestsuite(name string, cases []*Case) testsuite {
	n := (&Suite{Cases: cases}).Counts()
	t := testsuite{XMLName: xml.Name{Local: "testsuite"}, Name: name, Tests: len(cases), Failures: n[journal.Fail],
		Errors: n[journal.Error], Skipped: n[journal.Skip]}
	wall := 0.0
	for _, c := range cases {
		wall += c.WallSeconds
	}
	t.Time = seconds(wall)
	return t
}

func newTestcase(s *Suite, c *Case) testcase {
	t := testcase{Classname: strings.TrimSuffix(c.File, path.Ext(c.File)), Name: c.Name, File: c.File, Line: c.Line,
		Time: seconds(c.WallSeconds), Properties: propertiesOf(s, c)}
	p := &problem{Message: firstOf(c), Text: printable(explained(c))}
	switch c.Verdict {
	case journal.Fail:
		p.Type, t.Failure = "fail", p
	case journal.Error:
		p.Type, t.Error = "error", p
	case journal.Skip:
		p.Text, t.Skipped = "", p
	}
	if c.Run != nil && (t.Failure != nil || t.Error != nil) {
		t.Out = &verbose{printable(Text(c.Run))}
	}
	return t
}

// firstOf is a line that stands alone.
func firstOf(c *Case) string {
	if len(c.Problems) == 0 {
		return string(c.Verdict)
	}
	first, _, _ := strings.Cut(c.Problems[0], "\n")
	return Clean(first)
}

// explained is all that was otherwise, what was expected, and how to see it again.
func explained(c *Case) string {
	l := append(slices.Clone(c.Problems), "expected: "+c.Expect)
	if len(c.Repeat) > 0 {
		l = append(l, "repeat: "+Command(c.Repeat))
	}
	if c.Dir != "" {
		l = append(l, "kept in: "+c.Dir)
	}
	return strings.Join(l, "\n")
}

func propertiesOf(s *Suite, c *Case) []property {
	l := []property{{"tool", "rehearse " + s.Version}, {"seed", strconv.FormatUint(s.Seed, 10)}, {"world", c.World},
		{"expected", c.Expect}, {"faults", strings.Join(c.Faults, " ")}}
	if r := c.Run; r != nil {
		l[1].Value = strconv.FormatUint(r.Started.Seed, 10)
		l = append(l, property{"faults-fired", strings.Join(fired(r), " ")},
			property{"site-seconds", seconds(endOf(r).SiteSeconds)}, property{"writes", strconv.Itoa(endOf(r).Writes)},
			property{"runbook-sha256", digest(&r.Started.Runbook)}, property{"world-sha256", digest(r.Started.World)})
	}
	return slices.DeleteFunc(l, func(p property) bool { return p.Value == "" })
}

func fired(r *journal.Run) []string {
	var l []string
	for _, f := range r.Faults {
		if f.Fired != nil {
			l = append(l, f.ID)
		}
	}
	return l
}

// digest is the digests of a file and of all that it loads, by path.
func digest(f *journal.File) string {
	var l []string
	if f != nil {
		for _, name := range slices.Sorted(maps.Keys(f.SHA256)) {
			l = append(l, name+"="+f.SHA256[name])
		}
	}
	return strings.Join(l, " ")
}

func filesOf(cases []*Case) []string {
	var l []string
	for _, c := range cases {
		if !slices.Contains(l, c.File) {
			l = append(l, c.File)
		}
	}
	return l
}

func seconds(s float64) string { return strconv.FormatFloat(s, 'f', 3, 64) }
