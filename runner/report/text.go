package report

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

// Text is the run for a person: what was done, what it did to the machines, why it stopped, and how to repeat it.
func Text(r *journal.Run) string {
	t := &text{run: r, end: endOf(r)}
	t.heading()
	t.steps()
	t.wayBack()
	t.machines()
	t.faults()
	t.invariants()
	t.notes()
	t.warnings()
	t.failure()
	t.verdict()
	return t.String()
}

type text struct {
	strings.Builder
	run *journal.Run
	end journal.RunEnded
}

func (t *text) line(format string, args ...any) {
	t.WriteString(strings.TrimRight(Clean(fmt.Sprintf(format, args...)), " ") + "\n")
}

// Clean makes text that comes from a site safe for a terminal and for one line: without escape sequences, line breaks
// and characters that turn the direction of what follows.
func Clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, text)
}

// table writes rows of cells, each column as wide as it needs to be.
func (t *text) table(title string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			row[i] = strings.ReplaceAll(Clean(cell), "\t", " ")
		}
		fmt.Fprintln(w, "  "+strings.Join(row, "\t"))
	}
	w.Flush()
	t.line("%s", title)
	for _, l := range strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n") {
		t.line("%s", l)
	}
	t.line("")
}

func (t *text) heading() {
	s := t.run.Started
	where := "the live site"
	if s.World != nil {
		where = "a twin of " + nameOf(*s.World)
	}
	t.line("%s on %s, seed %d", nameOf(s.Runbook), where, s.Seed)
	if s.Resumes != "" {
		t.line("takes up run %s again", s.Resumes)
	}
	t.line("")
}

func (t *text) steps() {
	var rows [][]string
	for _, s := range t.run.Steps {
		outcome, took, more := "cut off", t.run.Last.At-s.Begin, ""
		if e := s.End; e != nil {
			outcome, took = string(e.Outcome), e.SiteSeconds
			switch {
			case e.Recorded:
				more = "recorded by the run before"
			case e.Code != "":
				more = e.Code
			case e.Writes > 0:
				more = plural(e.Writes, "write")
			}
		}
		rows = append(rows, []string{fmt.Sprintf("%-7s", outcome), string(s.Kind), s.ID, Duration(took), more})
	}
	t.table("steps", rows)
}

// wayBack is what going back would have meant after each step, and what became of going back.
func (t *text) wayBack() {
	var rows [][]string
	for _, s := range t.run.Steps {
		if s.Back != nil {
			rows = append(rows, []string{"after " + s.ID, string(s.Back.Level), s.Back.Why})
		}
	}
	t.table("way back", rows)
	b := t.run.Rollback
	if b == nil {
		return
	}
	e := rolledBack(b)
	row := []string{string(e.Outcome), "at " + Duration(b.At), b.Reason}
	if more := strings.TrimSpace(e.Code + "  " + e.Message); more != "" {
		row = append(row, more)
	}
	t.table("rollback", [][]string{row})
}

// rolledBack is how a rollback ended, also one that did not come to write it down.
func rolledBack(b *journal.Rollback) journal.RollbackEnded {
	if b.End != nil {
		return *b.End
	}
	return journal.RollbackEnded{Outcome: journal.Failed, Message: cutOff}
}

func (t *text) machines() {
	var rows [][]string
	for _, m := range t.run.Replaced() {
		if m.Created+m.Deleted > 0 {
			rows = append(rows, []string{m.Cluster, m.Role, fmt.Sprintf("%d created", m.Created), fmt.Sprintf("%d deleted",
				m.Deleted)})
		}
	}
	t.table("machines", rows)
}

func (t *text) faults() {
	var rows [][]string
	for _, f := range t.run.Faults {
		row := []string{f.ID, "never fired", f.Trigger}
		if f.Fired != nil {
			row = []string{f.ID, "fired at " + Duration(f.At), f.Fired.Target}
			if f.Times > 1 {
				row[1] += fmt.Sprintf(", %d times", f.Times)
			}
			if f.Healed != nil {
				row = append(row, "healed at "+Duration(*f.Healed))
			}
		}
		rows = append(rows, row)
	}
	t.table("faults", rows)
}

func (t *text) invariants() {
	var rows [][]string
	for _, i := range t.run.Invariants {
		j := judged(i)
		row := []string{fmt.Sprintf("%-5s", j.Verdict), i.ID, plural(j.Observations, "observation")}
		if i.Violated != nil {
			row = append(row, "at "+Duration(i.At))
		}
		rows = append(rows, row)
	}
	t.table("invariants", rows)
}

func (t *text) notes() {
	var rows [][]string
	for _, n := range t.run.Notes {
		rows = append(rows, []string{Duration(n.At), n.Text})
	}
	t.table("notes", rows)
}

// deprecated is how an API server says that a version of a kind will go. A site chooses the version that it prefers,
// so a run has one of these for every kind, and one line for all of them is enough.
const deprecated = " is deprecated; use "

func (t *text) warnings() {
	var rows [][]string
	for _, w := range warningsOf(t.run) {
		rows = append(rows, []string{w})
	}
	t.table("warnings", rows)
}

// warningsOf is what the reader should know although it stopped nothing, what says the same put together.
func warningsOf(r *journal.Run) []string {
	var l, old []string
	for _, w := range r.Warnings {
		if what, _, ok := strings.Cut(w.Text, deprecated); ok {
			old = append(old, what[strings.LastIndexByte(what, ' ')+1:])
			continue
		}
		l = append(l, w.Text)
	}
	if len(old) > 0 {
		l = append(l, "the site prefers a deprecated version of "+strings.Join(old, ", "))
	}
	if r.Torn {
		l = append(l, "the last line of the journal was cut off and is left out")
	}
	if c := r.Clock; c != nil && c.Late > 0 {
		l = append(l, fmt.Sprintf("the clock jumped too early %d times: durations and order may be wrong", c.Late))
	}
	return l
}

func (t *text) verdict() {
	e := t.end
	t.line("%s  exit %d", strings.ToUpper(string(e.Verdict)), e.ExitCode)
	pace := ""
	if e.WallSeconds > 0 {
		pace = fmt.Sprintf(" (%.0f site seconds per wall second)", e.SiteSeconds/e.WallSeconds)
	}
	t.line("time     %s of site time in %s%s, %s", Duration(e.SiteSeconds), Duration(e.WallSeconds), pace,
		plural(e.Writes, "write"))
	if c := t.run.Clock; c != nil {
		t.line("clock    %s, %s seen late", plural(c.Jumps, "jump"), plural(c.Late, "event"))
	}
	if t.run.Path != "" {
		t.line("journal  %s", t.run.Path)
	}
	if len(t.run.Started.Command) > 0 {
		t.line("repeat   %s", Command(t.run.Started.Command))
	}
}

// Command is a command line that can be pasted into a shell.
func Command(args []string) string {
	quoted := make([]string, len(args))
	for i, a := range args {
		quoted[i] = a
		if a == "" || strings.ContainsAny(a, " \t\n\"'`$&|;<>()*?[]#~!{}\\") {
			quoted[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}
