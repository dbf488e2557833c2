package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

// timeline is a run over site time, from left to right: lanes of bars, and moments that cut through all of them. Places
// are per cent of the whole, as CSS takes them.
type timeline struct {
	Ticks   []tick
	Moments []moment
	Groups  []laneGroup
	Legend  []phase

	total float64 // site seconds
}

type tick struct{ X, Text string }

// moment is a line through all lanes.
type moment struct{ X, Class, Text string }

type laneGroup struct {
	Title, Note string
	Lanes       []lane
	Still       []string // machines to which nothing happened
}

// lane is one row: a name, bars, and what became of it in words, since colours alone say nothing.
type lane struct {
	Name, Sub, Note string
	Class           string // of Note
	Link            string // id of what says more, "" when nothing does
	Bars            []bar
}

type bar struct{ X, Width, Class, Text, Title string }

// phase is a look of a bar with its name.
type phase struct{ Class, Text string }

// phases are the looks of a machine, in the order of its life.
var phases = []phase{
	{"pending", "Pending"},
	{"provisioning", "Provisioning"},
	{"provisioned", "Provisioned"},
	{"unready", "Running, not ready"},
	{"running", "Running"},
	{"deleting", "Deleting"},
	{"lost", "Failed"},
}

func newTimeline(r *journal.Run) timeline {
	t := timeline{total: r.Last.At, Legend: phases}
	t.ticks()
	t.moments(r)
	before := len(r.Steps)
	if r.Rollback != nil {
		before = r.Rollback.Before
	}
	t.group("Steps and waits", "", t.steps(r, r.Steps[:before]))
	if r.Rollback != nil {
		t.group("Rollback", r.Rollback.Reason, t.steps(r, r.Steps[before:]))
	}
	t.group("Faults", "", t.faults(r))
	t.group("Claims that did not hold", "", t.violations(r))
	t.group("Endpoints that did not answer", "", t.outages(r))
	t.machines(r)
	t.pools(r)
	return t
}

func (t *timeline) group(title, note string, lanes []lane) {
	if len(lanes) > 0 {
		t.Groups = append(t.Groups, laneGroup{Title: title, Note: note, Lanes: lanes})
	}
}

// scale is how many site seconds the whole width is: some, also in a run that took none.
func (t *timeline) scale() float64 { return max(t.total, 1) }

// x is a place or a width.
func (t *timeline) x(seconds float64) string {
	return strconv.FormatFloat(min(max(seconds/t.scale(), 0), 1)*100, 'f', 3, 64)
}

// steppings are the distances that ticks may have, in seconds.
var steppings = []float64{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400}

const maxTicks = 8

func (t *timeline) ticks() {
	by := steppings[len(steppings)-1]
	for _, s := range slices.Backward(steppings) {
		if t.scale()/s <= maxTicks {
			by = s
		}
	}
	by = max(by, t.scale()/maxTicks)
	for at := 0.0; at <= t.scale()*0.97; at += by {
		t.Ticks = append(t.Ticks, tick{t.x(at), short(at)})
	}
}

// short is a duration without the units that are nought: 5m, 1h30m.
func short(seconds float64) string {
	text := Duration(seconds)
	if s, ok := strings.CutSuffix(text, "m00s"); ok {
		text = s + "m"
	}
	if s, ok := strings.CutSuffix(text, "h00m"); ok {
		text = s + "h"
	}
	return text
}

func (t *timeline) moments(r *journal.Run) {
	for _, f := range r.Faults {
		if f.Fired != nil {
			t.Moments = append(t.Moments, moment{t.x(f.At), "fired", fmt.Sprintf("fault %s at %s", f.ID, Duration(f.At))})
		}
		if f.Healed != nil {
			t.Moments = append(t.Moments, moment{t.x(*f.Healed), "healed", fmt.Sprintf("%s healed at %s", f.ID,
				Duration(*f.Healed))})
		}
	}
	for _, i := range r.Invariants {
		if i.Violated != nil {
			t.Moments = append(t.Moments, moment{t.x(i.At), "violated", fmt.Sprintf("%s did not hold at %s", i.ID,
				Duration(i.At))})
		}
	}
	if b := r.Rollback; b != nil {
		t.Moments = append(t.Moments, moment{t.x(b.At), "rollback", "rollback from " + Duration(b.At)})
	}
}

// bar goes from one moment to another. Its text is left out where it would have no room.
func (t *timeline) bar(from, to float64, class, text, more string) bar {
	title := fmt.Sprintf("%s, %s to %s", text, Duration(from), Duration(to))
	if more != "" {
		title += ": " + more
	}
	const perRune = 0.95 // per cent of a line that a letter takes
	if (to-from)/t.scale()*100 < perRune*float64(len([]rune(text))+1) {
		text = ""
	}
	return bar{t.x(from), t.x(to - from), class, text, title}
}

func (t *timeline) steps(r *journal.Run, steps []*journal.Step) []lane {
	var l []lane
	for i, s := range steps {
		to, class, code := r.Last.At, "cut", "cut off"
		x := lane{Name: s.ID, Sub: string(s.Kind), Note: "cut off after " + Duration(to-s.Begin), Link: stepLink(r, s)}
		if e := s.End; e != nil {
			to, class, code = s.Begin+e.SiteSeconds, string(e.Outcome), e.Code
			if i+1 < len(steps) { // rounding must not make a step overlap the next
				to = min(to, steps[i+1].Begin)
			}
			x.Note = fmt.Sprintf("%s, %s", e.Outcome, Duration(e.SiteSeconds))
		}
		x.Class = class
		x.Bars = append(x.Bars, t.bar(s.Begin, to, class, code, s.Pending))
		if s.Stuck != nil {
			still := t.bar(s.StuckAt-s.Stuck.Since, movedAt(s, to), "stuck", "no change", s.Stuck.Text)
			still.Text = "" // it lies upon another bar
			x.Bars = append(x.Bars, still)
		}
		l = append(l, x)
	}
	return l
}

// movedAt is when something changed again after the wait was stuck; its end when nothing did.
func movedAt(s *journal.Step, end float64) float64 {
	for _, w := range s.Waited {
		if w.At > s.StuckAt {
			return w.At
		}
	}
	return end
}

func stepLink(r *journal.Run, s *journal.Step) string {
	return fmt.Sprintf("step-%d", slices.Index(r.Steps, s)+1)
}

func (t *timeline) faults(r *journal.Run) []lane {
	var l []lane
	for _, f := range r.Faults {
		x := lane{Name: f.ID, Sub: f.Trigger, Note: "never fired", Class: "never", Link: "faults"}
		if f.Fired != nil {
			to := t.total
			x.Note, x.Class = "not healed", "fired"
			if f.Healed != nil {
				to, x.Note, x.Class = *f.Healed, "healed at "+Duration(*f.Healed), "healed"
			}
			x.Bars = append(x.Bars, t.bar(f.At, to, "fault", f.Fired.Target, ""))
			for _, s := range f.Felt[1:] {
				x.Bars = append(x.Bars, t.bar(s.At, s.At, "felt", s.Text, ""))
			}
		}
		l = append(l, x)
	}
	return l
}

func (t *timeline) violations(r *journal.Run) []lane {
	var l []lane
	for _, i := range r.Invariants {
		if i.Violated != nil {
			l = append(l, lane{Name: i.ID, Sub: "invariant", Note: "first at " + Duration(i.At), Class: "failed",
				Link: "invariants", Bars: []bar{t.bar(i.At, i.At, "violation", i.Violated.Message, "")}})
		}
	}
	return l
}

// machines adds a group per cluster and role.
func (t *timeline) machines(r *journal.Run) {
	for i, m := range r.Machines() {
		title := m.Cluster + ", " + cmp.Or(m.Role, "machines")
		if n := len(t.Groups); i == 0 || t.Groups[n-1].Title != title {
			t.Groups = append(t.Groups, laneGroup{Title: title})
		}
		g := &t.Groups[len(t.Groups)-1]
		bars := t.life(m)
		if m.Old && len(bars) == 1 && bars[0].Class == "running" && m.Phase != journal.PhaseDeleted {
			g.Still = append(g.Still, m.Name)
			continue
		}
		x := lane{Name: m.Name, Sub: m.Version, Note: lookOf(m.Machine).Text, Class: lookOf(m.Machine).Class, Bars: bars}
		if m.Phase == journal.PhaseDeleted {
			x.Note, x.Class = "gone at "+Duration(m.Since), "gone"
		}
		g.Lanes = append(g.Lanes, x)
	}
}

// life is the bars of a machine: one for each stretch in which it looked the same.
func (t *timeline) life(m *journal.MachineLife) []bar {
	var l []bar
	for i := 0; i < len(m.History); {
		s := m.History[i]
		look, said := lookOf(s.Machine), s.Message
		for i++; i < len(m.History) && lookOf(m.History[i].Machine) == look; i++ {
			said = cmp.Or(m.History[i].Message, said)
		}
		to := t.total
		if i < len(m.History) {
			to = m.History[i].At
		}
		if s.Phase != journal.PhaseDeleted {
			l = append(l, t.bar(s.At, to, look.Class, look.Text, said))
		}
	}
	return l
}

// lookOf is the look of a machine.
func lookOf(m journal.Machine) phase {
	class := strings.ToLower(m.Phase)
	switch {
	case m.Phase == "Running" && !m.Ready:
		class = "unready"
	case m.Phase == "Failed":
		class = "lost"
	}
	for _, p := range phases {
		if p.Class == class {
			return p
		}
	}
	return phase{"unknown", m.Phase}
}
