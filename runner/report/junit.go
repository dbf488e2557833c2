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

// JUnitLevels are what gets a testcase: a scenario, beside it each of its steps, waits and gates, beside these each of
// their writes.
var JUnitLevels = []string{"scenario", "step", "write"}

// JUnit is a suite as the common subset of JUnit's XML: a testsuite per file, a testcase per scenario, and those that the
// level adds. What the runbook or the site did otherwise is a failure, what our own machinery did is an error. Times are
// wall seconds; site time is a property.
func JUnit(s *Suite, level string) ([]byte, error) {
	root := testsuite{XMLName: xml.Name{Local: "testsuites"}, Name: "rehearse", Time: seconds(s.WallSeconds)}
	for _, file := range filesOf(s.Cases) {
		suite := testsuite{XMLName: xml.Name{Local: "testsuite"}, Name: file, Timestamp: s.Started.UTC().Format("2006-01-02T15:04:05")}
		wall := 0.0
		for _, c := range s.Cases {
			if c.File == file {
				suite.Cases = append(suite.Cases, testcases(s, c, level)...)
				wall += c.WallSeconds
			}
		}
		suite.Time = seconds(wall)
		suite.count(suite.Cases)
		root.count(suite.Cases)
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

// count adds cases to the numbers of a suite.
func (t *testsuite) count(l []testcase) {
	for _, c := range l {
		t.Tests++
		switch {
		case c.Failure != nil:
			t.Failures++
		case c.Error != nil:
			t.Errors++
		case c.Skipped != nil:
			t.Skipped++
		}
	}
}

// testcases are those of one scenario. The step that is to blame fails beside its scenario, as do those of its writes that
// were not done; what was expected to fail does not.
func testcases(s *Suite, c *Case, level string) []testcase {
	l := []testcase{scenarioCase(s, c)}
	deep := slices.Index(JUnitLevels, level)
	if c.Run == nil || deep < 1 {
		return l
	}
	for _, x := range c.Run.Steps {
		l = append(l, stepCase(c, x))
		if deep < 2 {
			continue
		}
		for _, w := range x.Writes {
			l = append(l, writeCase(c, x, w))
		}
	}
	return l
}

func newTestcase(c *Case, name string, wall float64) testcase {
	return testcase{Classname: strings.TrimSuffix(c.File, path.Ext(c.File)), Name: name, File: c.File, Line: c.Line, Time: seconds(wall)}
}

// ended gives a case a verdict; a Pass says nothing.
func (t *testcase) ended(v journal.Verdict, message, text string) {
	p := &problem{Message: message, Text: printable(text)}
	switch v {
	case journal.Fail:
		p.Type, t.Failure = "fail", p
	case journal.Error:
		p.Type, t.Error = "error", p
	case journal.Skip:
		p.Text, t.Skipped = "", p
	}
}

func scenarioCase(s *Suite, c *Case) testcase {
	t := newTestcase(c, c.Name, c.WallSeconds)
	t.Properties = propertiesOf(s, c)
	t.ended(c.Verdict, firstOf(c), explained(c))
	if c.Run != nil && (t.Failure != nil || t.Error != nil) {
		t.Out = &verbose{printable(Text(c.Run))}
	}
	return t
}

func stepCase(c *Case, x *journal.Step) testcase {
	t := newTestcase(c, c.Name+" / "+x.ID, x.WallSeconds)
	t.Properties = []property{{"kind", string(x.Kind)}}
	message, text := "cut off", ""
	if e := x.End; e != nil {
		t.Properties = append(t.Properties, property{"outcome", string(e.Outcome)}, property{"site-seconds", seconds(e.SiteSeconds)})
		message, text = string(e.Outcome)+": "+e.Message, e.Message+"\n"+e.Trace
	}
	if x.ID == c.Blamed {
		t.ended(c.Verdict, firstLine(message), text)
	}
	return t
}

func writeCase(c *Case, x *journal.Step, w *journal.Write) testcase {
	t := newTestcase(c, fmt.Sprintf("%s / %s %s %s", c.Name, w.Key, w.Verb, w.Object), w.WallSeconds)
	o := w.Outcome
	outcome, message := "changed", ""
	switch {
	case o == nil:
		outcome, message = "unknown", "cut off before the reply"
	case o.Unknown:
		outcome, message = "unknown", "the reply was lost: "+o.Error
	case !o.OK:
		outcome, message = "refused", o.Error
	case !o.Changed:
		outcome = "unchanged"
	}
	t.Properties = []property{{"outcome", outcome}}
	if message != "" && x.ID == c.Blamed {
		t.ended(c.Verdict, firstLine(message), message)
	}
	return t
}

// firstOf is a line that stands alone.
func firstOf(c *Case) string {
	if len(c.Problems) == 0 {
		return string(c.Verdict)
	}
	return firstLine(c.Problems[0])
}

func firstLine(s string) string {
	first, _, _ := strings.Cut(s, "\n")
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
