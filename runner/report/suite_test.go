package report

import (
	"slices"
	"strings"
	"testing"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

func TestSuiteReports(t *testing.T) {
	for _, f := range SuiteFormats {
		got, err := f.Write(exampleSuite(t))
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "suite."+f.Name, got)
	}
	if !slices.IsSortedFunc(SuiteFormats, func(a, b SuiteFormat) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("the table is not sorted")
	}
}

// An Error outweighs a Fail, and both outweigh what was never run; a suite that was interrupted has not passed.
func TestTheVerdictOfASuiteIsItsWorst(t *testing.T) {
	for _, c := range []struct {
		cases []journal.Verdict
		want  journal.Verdict
	}{
		{nil, journal.Skip},
		{[]journal.Verdict{journal.Pass, journal.Pass}, journal.Pass},
		{[]journal.Verdict{journal.Skip, journal.Pass}, journal.Skip},
		{[]journal.Verdict{journal.Pass, journal.Skip}, journal.Skip},
		{[]journal.Verdict{journal.Pass, journal.Fail, journal.Skip}, journal.Fail},
		{[]journal.Verdict{journal.Error, journal.Fail, journal.Pass}, journal.Error},
	} {
		s := &Suite{}
		for _, v := range c.cases {
			s.Cases = append(s.Cases, &Case{Verdict: v})
		}
		if got := s.Verdict(); got != c.want {
			t.Errorf("%v: got %s, want %s", c.cases, got, c.want)
		}
	}
}
