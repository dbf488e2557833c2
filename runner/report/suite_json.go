package report

import "github.com/rehearse-dev/rehearse/runner/journal"

// SuiteObject is a suite as one JSON object. Its fields are published; a field may be added, none changes its meaning.
type SuiteObject struct {
	SchemaVersion int              `json:"schemaVersion"` // 1
	Verdict       journal.Verdict  `json:"verdict"`
	Seed          uint64           `json:"seed"`
	Shard         string           `json:"shard"` // "2/5", "" when the suite is whole
	Started       string           `json:"started"`
	WallSeconds   float64          `json:"wallSeconds"`
	Version       string           `json:"version"`
	Command       []string         `json:"command"`
	Counts        SuiteCounts      `json:"counts"`
	Scenarios     []ScenarioObject `json:"scenarios"`
	Message       string           `json:"message,omitempty"` // of a suite that could not begin: why
}

// SuiteCounts is how many scenarios have each verdict.
type SuiteCounts struct {
	Pass  int `json:"pass"`
	Fail  int `json:"fail"`
	Error int `json:"error"`
	Skip  int `json:"skip"`
}

// ScenarioObject is one scenario of it.
type ScenarioObject struct {
	Name            string          `json:"name"`
	File            string          `json:"file"`
	Line            int             `json:"line"`
	World           string          `json:"world"`
	Faults          []string        `json:"faults"`
	Expect          string          `json:"expect"`
	Verdict         journal.Verdict `json:"verdict"`
	Problems        []string        `json:"problems"`
	WallSeconds     float64         `json:"wallSeconds"`
	OverheadSeconds float64         `json:"overheadSeconds"` // before its first step
	SiteSeconds     float64         `json:"siteSeconds"`
	Writes          int             `json:"writes"`
	Times           int             `json:"times"` // how often it was run
	Dir             string          `json:"dir"`
	Repeat          []string        `json:"repeat"`
}

// SuiteJSON is the suite as one SuiteObject.
func SuiteJSON(s *Suite) ([]byte, error) {
	n := s.Counts()
	o := SuiteObject{SchemaVersion: 1, Verdict: s.Verdict(), Seed: s.Seed, Shard: s.Shard,
		Started: s.Started.UTC().Format("2006-01-02T15:04:05Z"), WallSeconds: s.WallSeconds, Version: s.Version, Command: s.Command,
		Counts:    SuiteCounts{n[journal.Pass], n[journal.Fail], n[journal.Error], n[journal.Skip]},
		Scenarios: []ScenarioObject{}}
	for _, c := range s.Cases {
		x := ScenarioObject{Name: c.Name, File: c.File, Line: c.Line, World: c.World, Faults: c.Faults, Expect: c.Expect, Verdict: c.Verdict,
			Problems: c.Problems, WallSeconds: c.WallSeconds, OverheadSeconds: c.Overhead, Times: c.Times, Dir: c.Dir, Repeat: c.Repeat}
		if x.Faults == nil {
			x.Faults = []string{}
		}
		if x.Problems == nil {
			x.Problems = []string{}
		}
		if c.Run != nil {
			end := endOf(c.Run)
			x.SiteSeconds, x.Writes = end.SiteSeconds, end.Writes
		}
		o.Scenarios = append(o.Scenarios, x)
	}
	return encode(o)
}

// SuiteNotBegun is the SuiteObject of a suite that could not begin.
func SuiteNotBegun(message string) []byte {
	b, _ := encode(SuiteObject{SchemaVersion: 1, Verdict: journal.Error, Command: []string{}, Scenarios: []ScenarioObject{}, Message: message})
	return b // plain fields always encode
}
