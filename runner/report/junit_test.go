package report

import (
	"encoding/xml"
	"strings"
	"testing"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

func TestJUnit(t *testing.T) {
	for level, name := range map[string]string{"scenario": "suite.junit.xml", "step": "suite.junit-step.xml", "write": "suite.junit-write.xml"} {
		got, err := JUnit(exampleSuite(t), level)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name, got)
		parsed(t, exampleSuite(t), level)
	}
}

func TestJUnitIsXMLWhateverASiteSays(t *testing.T) {
	for level, want := range map[string]int{"scenario": 2, "step": 4, "write": 6} { // of two steps with a write that was lost
		for _, text := range hostile {
			if got := numbersOf(parsed(t, told(text), level)).Failures; got != want {
				t.Errorf("%s: %q: got %d failures, want %d", level, text, got, want)
			}
		}
	}
}

// numbers are those that a suite says of itself.
type numbers struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Errors   int `xml:"errors,attr"`
	Skipped  int `xml:"skipped,attr"`
}

func numbersOf(l []testcase) numbers {
	t := testsuite{}
	t.count(l)
	return numbers{t.Tests, t.Failures, t.Errors, t.Skipped}
}

// parsed is the cases that a CI system reads. The numbers have to be theirs.
func parsed(t *testing.T, s *Suite, level string) []testcase {
	t.Helper()
	b, err := JUnit(s, level)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		XMLName xml.Name `xml:"testsuites"`
		numbers
		Suites []struct {
			numbers
			Cases []testcase `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(b, &got); err != nil {
		t.Fatalf("%v:\n%s", err, b)
	}
	var all []testcase
	for _, x := range got.Suites {
		if want := numbersOf(x.Cases); x.numbers != want {
			t.Errorf("a suite: got %+v, want %+v", x.numbers, want)
		}
		all = append(all, x.Cases...)
	}
	if want := numbersOf(all); got.numbers != want {
		t.Errorf("got %+v, want %+v", got.numbers, want)
	}
	return all
}

// What went wrong is at the scenario, and at the step and the write in which it did; what was expected to go wrong is
// nowhere.
func TestEachLevelOfJUnitSaysWhatWentWrong(t *testing.T) {
	refused := journal.Write{WriteIntent: journal.WriteIntent{Key: "a/1", Verb: "patch", Object: journal.ObjectRef{Kind: "Cluster", Name: "x"}},
		Outcome: &journal.WriteOutcome{Error: "denied by a webhook\nfor a reason"}}
	run := func(end *journal.StepEnded) *journal.Run {
		r := journal.NewRun()
		r.Steps = []*journal.Step{
			{StepStarted: journal.StepStarted{ID: "a"}, End: &journal.StepEnded{Outcome: journal.Done}, WallSeconds: 1.5, Writes: []*journal.Write{&refused}},
			{StepStarted: journal.StepStarted{ID: "b"}, End: end, Writes: []*journal.Write{&refused}}}
		return r
	}
	failed := run(&journal.StepEnded{Outcome: journal.Failed, Message: "broke\nhere"})
	for _, c := range []struct {
		name    string
		verdict journal.Verdict
		blamed  string
		run     *journal.Run
		want    string // the cases that are no pass, at the level of writes
	}{
		{"expected", journal.Pass, "", failed, ""},
		{"a step", journal.Fail, "b", failed, "x: got y; x / b: failed: broke; x / a/1 patch Cluster x: denied by a webhook"},
		{"something else, as an invariant", journal.Fail, "", failed, "x: got y"},
		{"cut off", journal.Error, "b", run(nil), "x: got y; x / b: cut off; x / a/1 patch Cluster x: denied by a webhook"},
		{"not begun", journal.Error, "", nil, "x: got y"},
		{"stopped", journal.Skip, "b", run(nil), "x: got y; x / b: cut off; x / a/1 patch Cluster x: denied by a webhook"},
	} {
		s := &Suite{Cases: []*Case{{Name: "x", File: "f_test.star", Verdict: c.verdict, Problems: []string{"got y"}, Blamed: c.blamed, Run: c.run}}}
		var got []string
		all := parsed(t, s, "write")
		for _, x := range all {
			p := map[journal.Verdict]*problem{journal.Fail: x.Failure, journal.Error: x.Error, journal.Skip: x.Skipped}[c.verdict]
			if p != nil {
				got = append(got, x.Name+": "+p.Message)
			}
			if x.Classname != "f_test" {
				t.Errorf("%s: got classname %s, want the file's", c.name, x.Classname)
			}
		}
		if got := strings.Join(got, "; "); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
		if c.run != nil && (len(all) != 5 || all[1].Time != "1.500") {
			t.Errorf("%s: got %d cases, the first step in %s s, want 5 and its own time", c.name, len(all), all[1].Time)
		}
	}
}
