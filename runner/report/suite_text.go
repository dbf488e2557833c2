package report

import (
	"fmt"
	"strings"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

// SuiteText is a suite for a person: a line for each scenario, why one is no pass and how to repeat it, and the sum.
func SuiteText(s *Suite) string {
	t := &text{}
	var rows [][]string
	for _, c := range s.Cases {
		rows = append(rows, []string{fmt.Sprintf("%-5s", c.Verdict), c.Name, c.took()})
	}
	t.table("scenarios", rows)
	for _, c := range s.Cases {
		if c.Verdict == journal.Fail || c.Verdict == journal.Error {
			t.problem(c)
		}
	}
	t.line("%s  %s", strings.ToUpper(string(s.Verdict())), s.sum())
	what := fmt.Sprintf("seed %d", s.Seed)
	if s.Shard != "" {
		what += ", shard " + s.Shard
	}
	t.line("time     %s, %s", Duration(s.WallSeconds), what)
	if len(s.Command) > 0 {
		t.line("repeat   %s", Command(s.Command))
	}
	return t.String()
}

// sum is how many scenarios have each verdict.
func (s *Suite) sum() string {
	n := s.Counts()
	words := []string{}
	for _, v := range []journal.Verdict{journal.Pass, journal.Fail, journal.Error, journal.Skip} {
		if n[v] > 0 {
			words = append(words, fmt.Sprintf("%d %s", n[v], v))
		}
	}
	if len(words) == 0 {
		return "0 scenarios"
	}
	return plural(len(s.Cases), "scenario") + ": " + strings.Join(words, ", ")
}

// took is what a scenario cost and did.
func (c *Case) took() string {
	if c.Verdict == journal.Skip || c.Run == nil {
		return Duration(c.WallSeconds)
	}
	end := endOf(c.Run)
	return fmt.Sprintf("%s, %s of site time, %s", Duration(c.WallSeconds), Duration(end.SiteSeconds), plural(end.Writes, "write"))
}

// problem says why a scenario is no pass, where to look, and how to repeat it.
func (t *text) problem(c *Case) {
	t.line("%s  %s  (%s:%d)", strings.ToUpper(string(c.Verdict)), c.Name, c.File, c.Line)
	for _, p := range c.Problems {
		t.block(p)
	}
	t.line("expected  %s", c.Expect)
	for i, f := range c.Faults {
		title := "faults"
		if i > 0 {
			title = ""
		}
		t.line("%-8s  %s", title, f)
	}
	if c.Dir != "" && c.Run != nil {
		t.line("evidence  %s", Command([]string{"rehearse", "report", c.Dir}))
	} else if c.Dir != "" {
		t.line("evidence  %s", c.Dir)
	}
	if len(c.Repeat) > 0 {
		t.line("repeat    %s", Command(c.Repeat))
	}
	t.line("")
}
