package view

import (
	"fmt"
	"strings"

	"github.com/rehearse-dev/rehearse/runner/journal"
	"github.com/rehearse-dev/rehearse/runner/report"
)

// state is everything that the live part of the tree shows.
type state struct {
	run        *journal.Run
	site, wall float64 // seconds since the run began
	frame      int     // of the sign that turns
}

// signs stand before a step: it runs (they turn), done, noop, blocked, failed.
type signs struct {
	turning                     []string
	done, noop, blocked, failed string
}

var (
	unicodeSigns = signs{[]string{"◐", "◓", "◑", "◒"}, "✓", "·", "■", "✗"}
	asciiSigns   = signs{[]string{"|", "/", "-", `\`}, "+", ".", "!", "x"}
)

func (m Mode) signs() signs {
	if m.Unicode {
		return unicodeSigns
	}
	return asciiSigns
}

// idWidth is the width of the column of step ids on a terminal so wide.
func idWidth(width int) int { return min(26, max(8, width/2)) }

// endedLine is a step that has ended; it stays where it is written.
func (m Mode) endedLine(s *journal.Step, width int) []span {
	e := s.End
	sign := map[journal.Outcome]string{journal.Done: m.signs().done, journal.Noop: m.signs().noop,
		journal.Blocked: m.signs().blocked, journal.Failed: m.signs().failed}[e.Outcome]
	more := ""
	switch {
	case e.Recorded:
		more = "recorded by the run before"
	case e.Outcome == journal.Noop:
		more = "already so"
	case e.Code != "" || e.Message != "":
		more = strings.TrimSpace(e.Code + "  " + e.Message)
	case e.Writes == 1:
		more = "1 write"
	case e.Writes > 1:
		more = fmt.Sprintf("%d writes", e.Writes)
	}
	return []span{{sign + " ", outcomeStyle(e.Outcome)}, {fmt.Sprintf("%-*s", idWidth(width), s.ID), plain},
		{fmt.Sprintf(" %9s", report.Duration(e.SiteSeconds)), dim}, {after("  ", more), plain}}
}

// tree is the live part: the step that runs, what it waits for, the machines, and the two times.
func (m Mode) tree(s state, width, height int) []string {
	var l []string
	add := func(spans ...span) { l = append(l, m.paint(width, spans)) }
	room := height - 3
	if step := s.run.Current(); step != nil {
		turning := m.signs().turning
		limit := ""
		if step.Timeout > 0 {
			limit = " of " + report.Duration(step.Timeout)
		}
		add(span{turning[s.frame%len(turning)] + " ", cyan}, span{fmt.Sprintf("%-*s", idWidth(width+1), step.ID), bold},
			span{fmt.Sprintf(" %9s", report.Duration(s.site-step.Begin)), plain}, span{limit, dim})
		if text := step.Pending; text != "" || step.Text != "" {
			stuck := span{}
			if step.Stuck != nil {
				stuck = span{"  stuck for " + report.Duration(s.site-step.PendingSince), yellow}
			}
			if text == "" {
				text = step.Text
			}
			add(span{"    " + text, plain}, stuck)
			room--
		}
		for _, row := range m.machines(s, room-1) {
			add(row...)
		}
	}
	add(m.times(s)...)
	return l
}

func (m Mode) times(s state) []span {
	l := []span{{"site ", dim}, {clock(s.site), plain}, {"  wall ", dim}, {report.Duration(s.wall), plain}}
	if s.wall >= 1 {
		l = append(l, span{fmt.Sprintf("  %.0fx", s.site/s.wall), dim})
	}
	if n := s.run.Changed(); n > 0 {
		l = append(l, span{"  writes ", dim}, span{fmt.Sprint(n), plain})
	}
	for _, f := range s.run.Faults {
		if f.Fired != nil && f.Healed == nil {
			l = append(l, span{"  fault " + f.ID, yellow})
		}
	}
	return l
}

// machines is a row for each machine that exists, the ready ones left out first when there is no room for all.
func (m Mode) machines(s state, room int) [][]span {
	var there, unready []*journal.MachineLife
	name, version := 0, 0
	for _, x := range s.run.Machines() {
		if x.Phase == journal.PhaseDeleted {
			continue
		}
		there = append(there, x)
		if !x.Ready {
			unready = append(unready, x)
		}
		name, version = max(name, len(x.Name)), max(version, len(x.Version))
	}
	shown := there
	if len(there) > room {
		shown = unready[:max(0, min(len(unready), room-1))]
	}
	var rows [][]span
	for _, x := range shown {
		look := dim
		if !x.Ready {
			look = plain
		}
		since := ""
		if !x.Ready {
			since = report.Duration(s.site - x.Since)
		}
		rows = append(rows, []span{{fmt.Sprintf("    %-*s  %-*s  ", name, x.Name, version, x.Version), look},
			{fmt.Sprintf("%-12s", x.Phase), phaseStyle(x)}, {fmt.Sprintf(" %7s  %s", since, x.Message), look}})
	}
	if more := len(there) - len(shown); more > 0 && room > 0 {
		rows = append(rows, []span{{fmt.Sprintf("    and %d of %d machines more", more, len(there)), dim}})
	}
	return rows
}

func phaseStyle(x *journal.MachineLife) style {
	switch {
	case x.Ready:
		return green
	case x.Phase == "Failed":
		return red
	}
	return yellow
}
