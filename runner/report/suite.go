package report

import (
	"time"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

// Suite is what became of scenarios that were run together.
type Suite struct {
	Command     []string // repeats it
	Version     string   // of rehearse
	Seed        uint64
	Started     time.Time // wall time
	WallSeconds float64
	Shard       string  // "2/5", "" when the suite is whole
	Cases       []*Case // in the order of the files
}

// Case is one scenario of a suite. Its verdict is over the expectation, not over the runbook: a run that was expected to
// be blocked and was is a Pass.
type Case struct {
	Name, File  string // the scenario and the file that declares it
	Line        int
	Doc         string
	World       string
	Faults      []string // as asked for, in the grammar of --fault
	Expect      string   // in words, e.g. "blocked at preflight, code vsphere-template-missing, 0 writes"
	Verdict     journal.Verdict
	Problems    []string // why it is not a Pass, the first one stands alone
	Blamed      string   // the step of the run to which they belong, "" when it is none
	WallSeconds float64
	Overhead    float64      // wall seconds before the first step
	Dir         string       // run directory, "" when there is none
	Run         *journal.Run // nil when the run could not begin
	Repeat      []string     // the command that repeats this scenario
	Times       int          // how often it was run with one seed; what differed is among the problems
}

// Verdict is the worst of the suite's: an Error outweighs a Fail, since nothing can be trusted then, and a scenario that
// was not played to its end outweighs those that pass: such a suite has not passed.
func (s *Suite) Verdict() journal.Verdict {
	v := journal.Skip
	for i, c := range s.Cases {
		if i == 0 || rank[c.Verdict] > rank[v] {
			v = c.Verdict
		}
	}
	return v
}

var rank = map[journal.Verdict]int{journal.Pass: 0, journal.Skip: 1, journal.Fail: 2, journal.Error: 3}

// Counts is how many scenarios have each verdict.
func (s *Suite) Counts() map[journal.Verdict]int {
	n := map[journal.Verdict]int{}
	for _, c := range s.Cases {
		n[c.Verdict]++
	}
	return n
}

// SuiteFormat is a way to write the report of a suite.
type SuiteFormat struct {
	Name  string // as -o takes it
	Write func(*Suite) ([]byte, error)
}

// SuiteFormats is the table of them. Keep sorted.
var SuiteFormats = []SuiteFormat{
	{"json", SuiteJSON},
	{"text", func(s *Suite) ([]byte, error) { return []byte(SuiteText(s)), nil }},
}
