package report

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

// maxMachines is how many machines the evidence names.
const maxMachines = 8

// failure says why a run did not pass, in the order in which a person at night asks: what stopped, where, and is it
// safe; the place in the runbook; the evidence; what to do next.
type failure struct {
	run  *journal.Run
	end  journal.RunEnded
	step *journal.Step // that stopped the run, nil when none did

	wanted bool // a scenario expected it
}

// Tone is how a page shows it: as-expected, broke, or "" for a failure.
func (f failure) Tone() string {
	switch {
	case f.wanted:
		return "as-expected"
	case f.end.Verdict == journal.Error:
		return "broke"
	}
	return ""
}

func failureOf(r *journal.Run) failure {
	return failure{run: r, end: endOf(r), step: stopped(r)}
}

// stopped is the step that stopped the run, nil when none did: before a rollback, unless the rollback itself did not work.
func stopped(r *journal.Run) *journal.Step {
	steps := r.Steps
	if b := r.Rollback; b != nil && b.Before > 0 && !endedWell(steps[b.Before-1]) {
		steps = steps[:b.Before] // what stopped the run, and not what came of rolling it back
	}
	n := len(steps)
	if n == 0 || endedWell(steps[n-1]) {
		return nil
	}
	return steps[n-1]
}

func endedWell(s *journal.Step) bool {
	return s.End != nil && (s.End.Outcome == journal.Done || s.End.Outcome == journal.Noop)
}

// What is one word for it.
func (f failure) What() string {
	switch {
	case f.run.Ended == nil:
		return "CUT OFF"
	case f.end.Verdict == journal.Error:
		return "ERROR"
	case f.end.ExitCode == 4:
		return "STOPPED"
	case f.end.ExitCode == 5:
		return "BLOCKED"
	}
	return "FAILED"
}

// Where is the step that stopped the run, else the claim that did not hold.
func (f failure) Where() string {
	if f.step != nil {
		return f.step.ID
	}
	where := ""
	for _, i := range f.run.Invariants {
		if i.Violated != nil {
			where = i.ID
		}
	}
	return where
}

// Pos is the place in the runbook.
func (f failure) Pos() string {
	if f.step == nil {
		return ""
	}
	return f.step.Pos
}

// Code is what `rehearse explain` knows more about.
func (f failure) Code() string {
	if f.step == nil || f.step.End == nil {
		return ""
	}
	return f.step.End.Code
}

// Safe says what has been written, and whether that is certain.
func (f failure) Safe() string {
	changed := f.run.Changed()
	if changed == 0 {
		return "nothing was written"
	}
	w := f.run.Writes[len(f.run.Writes)-1]
	for _, x := range f.run.Writes {
		if x.MayHaveChanged() {
			w = x
		}
	}
	s := fmt.Sprintf("%s, the last: %s %s", plural(changed, "write"), w.Verb, w.Object)
	if w.Outcome == nil || w.Outcome.Unknown {
		s += " (whether it arrived is not known)"
	}
	return s
}

// Trace is the script with the caret, "" when there is none.
func (f failure) Trace() string {
	if f.step == nil || f.step.End == nil {
		return ""
	}
	return f.step.End.Trace
}

// Messages is what was said, without what the trace says already.
func (f failure) Messages() []string {
	var l []string
	s := f.step
	if s != nil && s.End != nil && s.End.Message != "" {
		if first, _, _ := strings.Cut(s.End.Trace, "\n"); s.End.Trace == "" || !strings.Contains(first, s.End.Message) {
			l = append(l, s.End.Message)
		}
	}
	said := s != nil && s.End != nil && (s.End.Code == "stopped" || strings.HasSuffix(f.end.Message, s.End.Message))
	if m := f.end.Message; m != "" && !said {
		l = append(l, m)
	}
	return l
}

// Evidence is what the run saw, from the wait that failed to the machines that are not ready.
func (f failure) Evidence() []string {
	var l []string
	if s := f.step; s != nil && s.Pending != "" && (s.End == nil || !strings.Contains(s.End.Message, s.Pending)) {
		l = append(l, fmt.Sprintf("last seen at %s: %s", Duration(s.PendingSince), s.Pending))
	}
	if s := f.step; s != nil && s.Stuck != nil {
		l = append(l, fmt.Sprintf("no change since %s", Duration(s.PendingSince)))
	}
	for _, i := range f.run.Invariants {
		if i.Violated != nil {
			l = append(l, fmt.Sprintf("%s at %s: %s", i.ID, Duration(i.At), i.Violated.Message))
			for _, e := range strings.Split(i.Violated.Evidence, "\n") {
				l = append(l, "  "+e)
			}
		}
	}
	for _, x := range f.run.Faults {
		if x.Fired != nil {
			l = append(l, fmt.Sprintf("fault %s at %s: %s", x.ID, Duration(x.At), x.Fired.Target))
		}
	}
	return append(l, unready(f.run)...)
}

// unready lists the machines that are not as they should be.
func unready(r *journal.Run) []string {
	var l []string
	for _, m := range r.Machines() {
		if m.Ready || m.Phase == journal.PhaseDeleted {
			continue
		}
		l = append(l, strings.TrimRight(fmt.Sprintf("Machine %s: %s since %s  %s", m.Name, m.Phase, Duration(m.Since),
			m.Message), " "))
	}
	if more := len(l) - maxMachines; more > 0 {
		l = append(l[:maxMachines], fmt.Sprintf("and %s more", plural(more, "machine")))
	}
	return l
}

// Next is what a person can do, line by line.
func (f failure) Next() []string {
	fix, _ := f.remedy()
	if fix == "" && f.run.Path != "" {
		fix = Command([]string{"rehearse", "report", filepath.Dir(f.run.Path)})
	}
	return strings.FieldsFunc(fix, func(r rune) bool { return r == '\n' })
}

// Doc is the document that the refusal comes from.
func (f failure) Doc() string {
	_, doc := f.remedy()
	return doc
}

func (f failure) remedy() (fix, doc string) {
	if f.step != nil && f.step.End != nil {
		fix, doc = f.step.End.Fix, f.step.End.Doc
	}
	if n := len(f.run.Steps); f.run.Rollback != nil && n > f.run.Rollback.Before { // the way back is what counts now
		if e := f.run.Steps[n-1].End; e != nil && e.Fix != "" {
			fix, doc = e.Fix, e.Doc
		}
	}
	return fix, doc
}

// failure prints all of that.
func (t *text) failure() {
	if t.end.Verdict == journal.Pass {
		return
	}
	f := failureOf(t.run)
	where, pos := f.Where(), f.Pos()
	if where != "" {
		where = "  " + where
	}
	if pos != "" {
		pos = "  (" + pos + ")"
	}
	t.line("%s%s  %s%s", f.What(), where, f.Safe(), pos)
	if trace := f.Trace(); trace != "" {
		t.block(trace)
	}
	for _, m := range f.Messages() {
		t.block(m)
	}
	title := "evidence"
	for _, e := range f.Evidence() {
		t.line("%-8s  %s", title, e)
		title = ""
	}
	for _, n := range f.Next() {
		t.line("next      %s", n)
	}
	if doc := f.Doc(); doc != "" {
		t.line("doc       %s", doc)
	}
	t.line("")
}

func (t *text) block(text string) {
	for _, l := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		t.line("  %s", l)
	}
}
