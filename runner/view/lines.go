package view

import (
	"fmt"

	"github.com/rehearse-dev/rehearse/runner/journal"
	"github.com/rehearse-dev/rehearse/runner/report"
)

// line is an event on one line, nil when there is nothing to say. before is the run without it.
func line(before *journal.Run, e journal.Event) []span {
	b, err := e.Decode()
	if err != nil {
		return nil
	}
	say := func(s style, what, format string, args ...any) []span {
		return []span{{clock(e.At) + "  ", dim}, {fmt.Sprintf("%-9s", what), s}, {fmt.Sprintf(format, args...), plain}}
	}
	switch b := b.(type) {
	case *journal.RunStarted:
		return say(bold, "run", "%s", title(*b))
	case *journal.RunEnded:
		return say(bold, string(b.Verdict), "%s", tail(b.Message, " of site time", report.Duration(b.SiteSeconds)))
	case *journal.StepStarted:
		return say(cyan, string(b.Kind), "%s%s", b.ID, after("  ", b.Text))
	case *journal.StepEnded:
		return say(outcomeStyle(b.Outcome), string(b.Outcome), "%s  %s%s%s", b.ID, report.Duration(b.SiteSeconds),
			after("  ", b.Code), after("  ", b.Message))
	case *journal.WaitPending:
		return say(plain, "pending", "%s  %s", b.ID, b.Text)
	case *journal.WaitStuck:
		return say(yellow, "stuck", "%s  for %s: %s", b.ID, report.Duration(b.Since), b.Text)
	case *journal.WriteIntent:
		return say(plain, "write", "%s %s%s", b.Verb, b.Object, after(" on ", b.Cluster))
	case *journal.WriteOutcome:
		if b.OK {
			return nil
		}
		return say(red, "refused", "%s  %s", b.Key, b.Error)
	case *journal.Machine:
		return machineLine(before, *b, say)
	case *journal.RollbackStarted:
		return say(yellow, "rollback", "%s", b.Reason)
	case *journal.RollbackEnded:
		return say(outcomeStyle(b.Outcome), string(b.Outcome), "rollback%s%s", after("  ", b.Code), after("  ", b.Message))
	case *journal.Reversibility:
		return say(dim, "way back", "after %s  %s: %s", b.Step, b.Level, b.Why)
	case *journal.Note:
		return say(plain, "note", "%s", b.Text)
	case *journal.Warning:
		return say(yellow, "warning", "%s", b.Text)
	}
	return judgement(b, say)
}

type sayFunc = func(s style, what, format string, args ...any) []span

// judgement is the lines of faults and invariants.
func judgement(b journal.Body, say sayFunc) []span {
	switch b := b.(type) {
	case *journal.FaultArmed:
		return say(yellow, "fault", "%s armed%s", b.ID, after(": ", b.Trigger))
	case *journal.FaultFired:
		return say(yellow, "fault", "%s fired%s", b.ID, after(": ", b.Target))
	case *journal.FaultHealed:
		return say(yellow, "fault", "%s healed%s", b.ID, after(": ", b.Target))
	case *journal.InvariantViolated:
		since := ""
		if b.Since > 0 {
			since = " since " + clock(b.Since)
		}
		return say(red, "violated", "%s%s: %s", b.ID, since, b.Message)
	case *journal.InvariantJudged:
		if b.Verdict == journal.Error {
			return say(red, "unseen", "%s: %s", b.ID, b.Message)
		}
	}
	return nil
}

// machineLine says what changed; a machine that was there before the first step, or whose message alone is another
// one, is no news.
func machineLine(before *journal.Run, m journal.Machine, say sayFunc) []span {
	old := before.Machine(m.Cluster, m.Name)
	switch {
	case old == nil && len(before.Steps) == 0:
		return nil
	case old != nil && old.Phase == m.Phase && old.Ready == m.Ready:
		return nil
	}
	state := m.Phase
	if m.Ready {
		state += ", ready"
	}
	return say(plain, "machine", "%s  %s%s%s", m.Name, state, after("  ", m.Version), after("  ", m.Message))
}

func title(s journal.RunStarted) string {
	where := "the live site"
	if s.World != nil {
		where = "a twin of " + s.World.Name
	}
	return fmt.Sprintf("%s on %s, seed %d", s.Runbook.Name, where, s.Seed)
}

// clock is site seconds as h:mm:ss.
func clock(at float64) string {
	s := int64(at + 0.5)
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}

// after is text behind a separator, "" when there is none.
func after(separator, text string) string {
	if text == "" {
		return ""
	}
	return separator + text
}

func tail(message, unit, amount string) string {
	if message == "" {
		return amount + unit
	}
	return amount + unit + ": " + message
}

func outcomeStyle(o journal.Outcome) style {
	switch o {
	case journal.Done, journal.Noop:
		return green
	case journal.Blocked:
		return yellow
	}
	return red
}
