package expect

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/runner/journal"
)

// This file compares everything that an expectation says beside how and where the run ends.

func (j *judge) writes() {
	if j.e.Writes == nil {
		return
	}
	got := 0
	for _, s := range j.steps {
		for _, w := range s.Writes {
			if w.MayHaveChanged() {
				got++
			}
		}
	}
	if got != *j.e.Writes {
		j.no("got %d writes, want %d", got, *j.e.Writes)
	}
}

// within compares site time: until the wait was stuck, or until the end.
func (j *judge) within() {
	if j.e.Within == 0 {
		return
	}
	got, what := j.r.Ended.SiteSeconds, "the end"
	if j.e.Kind == dsl.Stuck && j.stop != nil && j.stop.Stuck != nil {
		got, what = j.stop.StuckAt, j.stop.ID+" being stuck"
	}
	if got > j.e.Within.Seconds() {
		j.no("got %s after %.0f s of site time, want it within %s", what, got, j.e.Within)
	}
}

func (j *judge) rollback() {
	switch {
	case j.e.Rollback == "":
	case j.r.Rollback == nil || j.r.Rollback.End == nil:
		j.no("got no rollback, want one that is %s", j.e.Rollback)
	default:
		end := j.r.Rollback.End
		got := map[journal.Outcome]string{journal.Done: "done", journal.Noop: "noop", journal.Blocked: "refused", journal.Failed: "failed"}[end.Outcome]
		if got != j.e.Rollback {
			j.no("got a rollback that is %s%s, want it %s", got, in(" (", end.Message, ")"), j.e.Rollback)
		}
	}
}

func in(left, text, right string) string {
	if text == "" {
		return ""
	}
	return left + text + right
}

// invariants compares the claims that were named; all others hold.
func (j *judge) invariants() {
	seen := map[string]bool{}
	for _, i := range j.r.Invariants {
		seen[i.ID] = true
		violated := i.Violated != nil || i.Judged != nil && i.Judged.Verdict == journal.Fail
		holds, named := j.e.Invariants[i.ID]
		switch {
		case violated && (holds || !named):
			message := ""
			if i.Violated != nil {
				message = i.Violated.Message
			}
			j.no("got %s violated%s, want it to hold", i.ID, in(": ", message, ""))
		case !violated && named && !holds:
			j.no("got no violation of %s, want one", i.ID)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(j.e.Invariants)) {
		if !seen[id] {
			j.no("the run did not watch %s", id)
		}
	}
}

// never looks for what must not happen.
func (j *judge) never() {
	for _, what := range j.e.Never {
		if how := j.happened(what); how != "" {
			j.no("got %s, want it never", how)
		}
	}
}

func (j *judge) happened(what string) string {
	for _, s := range j.r.Steps {
		if s.ID == what {
			return fmt.Sprintf("%s %s at %.0f s", s.Kind, s.ID, s.Begin)
		}
	}
	for _, i := range j.r.Invariants {
		if i.ID == what && i.Violated != nil {
			return fmt.Sprintf("%s violated at %.0f s", i.ID, i.At)
		}
	}
	if !strings.Contains(what, " ") {
		return ""
	}
	for _, s := range j.said() {
		if mentions([]string{s.Text}, what) {
			return fmt.Sprintf("%q at %.0f s", s.Text, s.At)
		}
	}
	return ""
}

// said is everything that was said in the run: by waits, by steps that ended, and in notes.
func (j *judge) said() []journal.Said {
	l := slices.Clone(j.r.Notes)
	for _, s := range j.r.Steps {
		l = append(l, s.Waited...)
		if s.End != nil {
			l = append(l, journal.Said{At: s.Begin + s.End.SiteSeconds, Text: s.End.Message})
		}
	}
	return l
}

// order wants steps and faults to begin one after the other.
func (j *judge) order() {
	before, last := "", int64(0)
	for _, what := range j.e.Order {
		at := j.when(what)
		switch {
		case at == 0:
			j.no("%s never happened, want it in the order %s", what, strings.Join(j.e.Order, ", "))
			return
		case at < last:
			j.no("got %s before %s, want the order %s", what, before, strings.Join(j.e.Order, ", "))
			return
		}
		before, last = what, at
	}
}

// when is the number of the event with which a step or a fault began, 0 when none did.
func (j *judge) when(what string) int64 {
	id, isFault := strings.CutPrefix(what, "fault:")
	for _, s := range j.r.Steps {
		if !isFault && s.ID == id {
			return s.Seq
		}
	}
	for _, f := range j.r.Faults {
		if f.ID == id {
			return f.Seq
		}
	}
	return 0
}
