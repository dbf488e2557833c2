package report

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

// maxMachines is how many machines the evidence names.
const maxMachines = 8

// failure says why the run did not pass, in the order in which a person at night asks: what stopped, where, and is it
// safe; the place in the runbook; the evidence; what to do next.
func (t *text) failure() {
	if t.end.Verdict == journal.Pass {
		return
	}
	s := t.failed()
	t.headline(s)
	t.excerpt(s)
	t.evidence(s)
	t.next(s)
	t.line("")
}

// failed is the step that stopped the run, nil when none did.
func (t *text) failed() *journal.Step {
	steps := t.run.Steps
	if b := t.run.Rollback; b != nil && b.Before > 0 && !endedWell(steps[b.Before-1]) {
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

func (t *text) headline(s *journal.Step) {
	what := map[int]string{4: "STOPPED", 5: "BLOCKED"}[t.end.ExitCode]
	switch {
	case t.run.Ended == nil:
		what = "CUT OFF"
	case t.end.Verdict == journal.Error:
		what = "ERROR"
	case what == "":
		what = "FAILED"
	}
	where, pos := "", ""
	if s == nil {
		for _, i := range t.run.Invariants {
			if i.Violated != nil {
				where = "  " + i.ID
			}
		}
	} else {
		where = "  " + s.ID
		if s.Pos != "" {
			pos = "  (" + s.Pos + ")"
		}
	}
	t.line("%s%s  %s%s", what, where, t.safe(), pos)
}

// safe says what the run has done to the site.
func (t *text) safe() string {
	changed := t.run.Changed()
	if changed == 0 {
		return "nothing was written"
	}
	w := t.run.Writes[len(t.run.Writes)-1]
	for _, x := range t.run.Writes {
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

func (t *text) excerpt(s *journal.Step) {
	switch {
	case s != nil && s.End != nil && s.End.Trace != "":
		t.block(s.End.Trace)
		if first, _, _ := strings.Cut(s.End.Trace, "\n"); s.End.Message != "" && !strings.Contains(first, s.End.Message) {
			t.block(s.End.Message)
		}
	case s != nil && s.End != nil:
		t.block(s.End.Message)
	}
	said := s != nil && s.End != nil && (s.End.Code == "stopped" || strings.HasSuffix(t.end.Message, s.End.Message))
	if m := t.end.Message; m != "" && !said {
		t.block(m)
	}
}

func (t *text) block(text string) {
	for _, l := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		t.line("  %s", l)
	}
}

func (t *text) evidence(s *journal.Step) {
	var l []string
	if s != nil && s.Pending != "" && (s.End == nil || !strings.Contains(s.End.Message, s.Pending)) {
		l = append(l, fmt.Sprintf("last seen at %s: %s", Duration(s.PendingSince), s.Pending))
	}
	if s != nil && s.Stuck != nil {
		l = append(l, fmt.Sprintf("no change since %s", Duration(s.PendingSince)))
	}
	for _, i := range t.run.Invariants {
		if i.Violated != nil {
			l = append(l, fmt.Sprintf("%s at %s: %s", i.ID, Duration(i.At), i.Violated.Message))
			for _, e := range strings.Split(i.Violated.Evidence, "\n") {
				l = append(l, "  "+e)
			}
		}
	}
	for _, f := range t.run.Faults {
		if f.Fired != nil {
			l = append(l, fmt.Sprintf("fault %s at %s: %s", f.ID, Duration(f.At), f.Fired.Target))
		}
	}
	l = append(l, t.unready()...)
	for i, e := range l {
		title := "evidence"
		if i > 0 {
			title = ""
		}
		t.line("%-8s  %s", title, e)
	}
}

// unready is the machines that were not ready at the end.
func (t *text) unready() []string {
	var l []string
	for _, m := range t.run.Machines() {
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

// next is the fix that the runbook names, else where to look further.
func (t *text) next(s *journal.Step) {
	fix, doc := "", ""
	if s != nil && s.End != nil {
		fix, doc = s.End.Fix, s.End.Doc
	}
	if n := len(t.run.Steps); t.run.Rollback != nil && n > t.run.Rollback.Before { // the way back is what counts now
		if e := t.run.Steps[n-1].End; e != nil && e.Fix != "" {
			fix, doc = e.Fix, e.Doc
		}
	}
	if fix == "" && t.run.Path != "" {
		fix = Command([]string{"rehearse", "report", filepath.Dir(t.run.Path)})
	}
	for _, f := range strings.Split(fix, "\n") {
		if f != "" {
			t.line("next      %s", f)
		}
	}
	if doc != "" {
		t.line("doc       %s", doc)
	}
}
