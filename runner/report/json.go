package report

import (
	"bytes"
	"encoding/json"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

// Object is a run as one JSON object. Its fields are published; a field may be added, none changes its meaning.
type Object struct {
	SchemaVersion int             `json:"schemaVersion"` // 1
	Runbook       string          `json:"runbook"`       // its name
	World         *string         `json:"world"`         // its name; null on a live site
	Seed          uint64          `json:"seed"`
	Verdict       journal.Verdict `json:"verdict"`
	ExitCode      int             `json:"exitCode"`
	SiteSeconds   float64         `json:"siteSeconds"`
	WallSeconds   float64         `json:"wallSeconds"`
	Writes        int             `json:"writes"`
	Steps         []Step          `json:"steps"`
	Rollback      *Rollback       `json:"rollback,omitempty"` // absent when there was none
	Faults        []Fault         `json:"faults"`
	Invariants    []Invariant     `json:"invariants"`
	Journal       string          `json:"journal"`           // path
	Message       string          `json:"message,omitempty"` // of a run that could not begin: why
}

// Step is a step, wait, gate or manual step that was begun.
type Step struct {
	ID          string           `json:"id"`
	Kind        journal.StepKind `json:"kind"`
	Outcome     journal.Outcome  `json:"outcome"`
	Code        string           `json:"code"`
	Message     string           `json:"message"`
	SiteSeconds float64          `json:"siteSeconds"`
	Back        *Back            `json:"reversibility,omitempty"` // absent where nobody could say
}

// Back is what going back would have meant after a step.
type Back struct {
	Level journal.Level `json:"level"`
	Why   string        `json:"why"`
}

// Rollback is what became of undoing the steps. Its own steps are among the others: kind undo, and their waits.
type Rollback struct {
	AtSiteSeconds float64         `json:"atSiteSeconds"`
	Reason        string          `json:"reason"`
	Outcome       journal.Outcome `json:"outcome"`
	Code          string          `json:"code"`
	Message       string          `json:"message"`
}

// Fault is a fault that was asked for.
type Fault struct {
	ID            string   `json:"id"`
	Fired         bool     `json:"fired"`
	AtSiteSeconds *float64 `json:"atSiteSeconds"` // null when it never fired
	Target        string   `json:"target"`
}

// Invariant is a claim that was watched.
type Invariant struct {
	ID      string          `json:"id"`
	Verdict journal.Verdict `json:"verdict"`
	Message string          `json:"message"`
}

// cutOff is what a journal without an end says.
const cutOff = "the journal was cut off: the run was killed, or it still goes on"

// JSON is the run as one Object.
func JSON(r *journal.Run) ([]byte, error) {
	end := endOf(r)
	o := Object{
		SchemaVersion: 1, Runbook: nameOf(r.Started.Runbook), Seed: r.Started.Seed, Verdict: end.Verdict,
		ExitCode: end.ExitCode, SiteSeconds: end.SiteSeconds, WallSeconds: end.WallSeconds, Writes: end.Writes,
		Steps: []Step{}, Faults: []Fault{}, Invariants: []Invariant{}, Journal: r.Path,
	}
	if r.Started.World != nil {
		name := nameOf(*r.Started.World)
		o.World = &name
	}
	for _, s := range r.Steps {
		e := s.End
		if e == nil {
			e = &journal.StepEnded{Outcome: journal.Failed, Message: cutOff, SiteSeconds: r.Last.At - s.Begin}
		}
		step := Step{s.ID, s.Kind, e.Outcome, e.Code, e.Message, e.SiteSeconds, nil}
		if s.Back != nil {
			step.Back = &Back{s.Back.Level, s.Back.Why}
		}
		o.Steps = append(o.Steps, step)
	}
	if b := r.Rollback; b != nil {
		e := rolledBack(b)
		o.Rollback = &Rollback{b.At, b.Reason, e.Outcome, e.Code, e.Message}
	}
	for _, f := range r.Faults {
		fault := Fault{ID: f.ID, Fired: f.Fired != nil}
		if f.Fired != nil {
			fault.AtSiteSeconds, fault.Target = &f.At, f.Fired.Target
		}
		o.Faults = append(o.Faults, fault)
	}
	for _, i := range r.Invariants {
		j := judged(i)
		o.Invariants = append(o.Invariants, Invariant{i.ID, j.Verdict, j.Message})
	}
	return encode(o)
}

// NotBegun is the Object of a run that could not begin, or of which no report can be made.
func NotBegun(exitCode int, message string) []byte {
	o := Object{SchemaVersion: 1, Verdict: journal.Error, ExitCode: exitCode, Message: message, Steps: []Step{},
		Faults: []Fault{}, Invariants: []Invariant{}}
	if exitCode == 4 { // as the runner judges a run that its user stops
		o.Verdict, o.Message = journal.Fail, "stopped by the user"
	}
	b, _ := encode(o) // plain fields always encode
	return b
}

func encode(o any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(o)
	return b.Bytes(), err
}

// endOf is how a run ended, also one that did not come to write it down.
func endOf(r *journal.Run) journal.RunEnded {
	if r.Ended != nil {
		return *r.Ended
	}
	return journal.RunEnded{Verdict: journal.Error, ExitCode: 3, Message: cutOff, SiteSeconds: r.Last.At,
		WallSeconds: r.WallSeconds(), Writes: r.Changed()}
}

func judged(i *journal.Invariant) journal.InvariantJudged {
	switch {
	case i.Judged != nil:
		return *i.Judged
	case i.Violated != nil:
		return journal.InvariantJudged{ID: i.ID, Verdict: journal.Fail, Message: i.Violated.Message}
	}
	return journal.InvariantJudged{ID: i.ID, Verdict: journal.Error, Message: cutOff}
}

func nameOf(f journal.File) string {
	if f.Name == "" {
		return f.Path
	}
	return f.Name
}
