package report

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

// SuiteHTML is a suite as files by name: index.html, and a page per scenario that it links to. They need nothing else,
// and lie side by side in one directory. The same suite gives the same bytes.
func SuiteHTML(s *Suite) (map[string][]byte, error) {
	pages := pageNames(s.Cases)
	files := map[string][]byte{}
	for i, c := range s.Cases {
		b, err := casePage(c)
		if err != nil {
			return nil, fmt.Errorf("scenario %q: %w", c.Name, err)
		}
		files[pages[i]] = b
	}
	b, err := render("suite.html", newSuitePage(s, pages))
	if err != nil {
		return nil, err
	}
	files["index.html"] = b
	return files, nil
}

func casePage(c *Case) ([]byte, error) {
	if c.Run == nil {
		return render("case.html", c)
	}
	return render("run.html", newRunPage(c.Run, c))
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// pageNames gives each case a file name of its own, which stays the same as long as its file and its name do.
func pageNames(cases []*Case) []string {
	slug := func(s string) string { return strings.Trim(notInNames.ReplaceAllString(strings.ToLower(s), "-"), "-") }
	taken := map[string]bool{"index.html": true}
	var l []string
	for _, c := range cases {
		stem := cmp.Or(slug(strings.TrimSuffix(c.File[strings.LastIndexByte(c.File, '/')+1:], ".star")), "suite") + "." +
			cmp.Or(slug(c.Name), "scenario")
		stem = stem[:min(len(stem), 120)]
		name := stem + ".html"
		for n := 2; taken[name]; n++ {
			name = fmt.Sprintf("%s.%d.html", stem, n)
		}
		taken[name] = true
		l = append(l, name)
	}
	return l
}

// suitePage is what the template of a suite is given.
type suitePage struct {
	*Suite
	Tally  []count
	Failed []row // what the runbook or the site did otherwise
	Broken []row // what our own machinery did
	Files  []fileRows
	Faults []faultRow
}

// count is how many cases have a verdict.
type count struct {
	Verdict journal.Verdict
	N       int
	Share   string // per cent, for a width
}

// fileRows are the scenarios of one file, with the steps that they share as columns.
type fileRows struct {
	File  string
	Steps []string
	Rows  []row
}

// row is a scenario in the matrix.
type row struct {
	*Case
	Page  string
	Cells []cell
	Share string // of the longest wall time, per cent
}

// Site is the site time that its run took, "" when it could not begin.
func (r row) Site() string {
	if r.Run == nil {
		return ""
	}
	return Duration(endOf(r.Run).SiteSeconds)
}

// cell is what became of a step in a scenario.
type cell struct {
	Class, Title string
	Hit          bool // a fault fired in it
}

// faultRow is what the scenarios of a fault came to.
type faultRow struct {
	ID     string
	Counts []count
	Fired  int // scenarios in which it did
}

// verdicts are the columns of counts, the worst kind of news about a runbook first.
var verdicts = []journal.Verdict{journal.Fail, journal.Error, journal.Pass, journal.Skip}

func newSuitePage(s *Suite, pages []string) *suitePage {
	p := &suitePage{Suite: s, Tally: tally(s.Counts(), len(s.Cases)), Faults: faultRows(s.Cases)}
	longest := 0.0
	for _, c := range s.Cases {
		longest = max(longest, c.WallSeconds)
	}
	for i, c := range s.Cases {
		r := row{Case: c, Page: pages[i], Share: share(c.WallSeconds, longest)}
		f := slices.IndexFunc(p.Files, func(f fileRows) bool { return f.File == c.File })
		if f < 0 {
			f = len(p.Files)
			p.Files = append(p.Files, fileRows{File: c.File, Steps: stepsOf(s.Cases, c.File)})
		}
		r.Cells = cellsOf(c, p.Files[f].Steps)
		p.Files[f].Rows = append(p.Files[f].Rows, r)
		switch c.Verdict {
		case journal.Fail:
			p.Failed = append(p.Failed, r)
		case journal.Error:
			p.Broken = append(p.Broken, r)
		}
	}
	return p
}

// PerMinute is how many scenarios a minute of wall time had.
func (p *suitePage) PerMinute() string {
	if p.WallSeconds <= 0 {
		return ""
	}
	return strconv.FormatFloat(float64(len(p.Cases))/p.WallSeconds*60, 'f', 1, 64)
}

// Overhead is the median of what the scenarios took before their first step, in wall seconds.
func (p *suitePage) Overhead() string {
	var l []float64
	for _, c := range p.Cases {
		if c.Run != nil {
			l = append(l, c.Overhead)
		}
	}
	if len(l) == 0 {
		return ""
	}
	slices.Sort(l)
	return strconv.FormatFloat(l[len(l)/2], 'f', 1, 64) + "s"
}

func tally(n map[journal.Verdict]int, of int) []count {
	var l []count
	for _, v := range verdicts {
		l = append(l, count{v, n[v], share(float64(n[v]), float64(of))})
	}
	return l
}

func share(part, of float64) string {
	if of <= 0 {
		return "0"
	}
	return strconv.FormatFloat(part/of*100, 'f', 3, 64)
}

// rollbackColumn stands for all that a rollback did: its steps have names of their own in every scenario.
const rollbackColumn = "rollback"

// stepsOf is every step that a scenario of the file came to: in the order of the longest run, the others' where they
// came to them.
func stepsOf(cases []*Case, file string) []string {
	var l []string
	back := false
	for _, c := range cases {
		if c.File != file || c.Run == nil {
			continue
		}
		at := 0
		for _, s := range forward(c.Run) {
			if i := slices.Index(l, s.ID); i >= 0 {
				at = i + 1
				continue
			}
			l = slices.Insert(l, at, s.ID)
			at++
		}
		back = back || c.Run.Rollback != nil
	}
	if back {
		l = append(l, rollbackColumn)
	}
	return l
}

// forward is the steps before a rollback.
func forward(r *journal.Run) []*journal.Step {
	if r.Rollback != nil {
		return r.Steps[:r.Rollback.Before]
	}
	return r.Steps
}

func cellsOf(c *Case, steps []string) []cell {
	l := make([]cell, len(steps))
	for i, id := range steps {
		l[i] = cell{Class: "none", Title: id + ": not reached"}
		if c.Run == nil {
			continue
		}
		if b := c.Run.Rollback; b != nil && id == rollbackColumn && i == len(steps)-1 {
			l[i] = rollbackCell(b)
			continue
		}
		for n, s := range forward(c.Run) {
			if s.ID == id {
				l[i] = stepCell(c.Run, n, s)
			}
		}
	}
	return l
}

func rollbackCell(b *journal.Rollback) cell {
	if b.End == nil {
		return cell{Class: "cut", Title: "rollback: cut off"}
	}
	return cell{Class: string(b.End.Outcome), Title: titled("rollback: "+string(b.End.Outcome), b.End.Code, b.End.Message)}
}

func stepCell(r *journal.Run, n int, s *journal.Step) cell {
	x := cell{Class: "cut", Title: s.ID + ": cut off"}
	to := r.Last.At
	if e := s.End; e != nil {
		x = cell{Class: string(e.Outcome), Title: titled(s.ID+": "+string(e.Outcome), e.Code, e.Message)}
		to = s.Begin + e.SiteSeconds
	}
	for _, f := range r.Faults {
		if f.Fired != nil && f.At >= s.Begin && (f.At < to || n == len(r.Steps)-1 && f.At <= to) {
			x.Hit = true
			x.Title += "; fault " + f.ID
		}
	}
	return x
}

func titled(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}

// faultRows is what the scenarios of each fault came to, by the fault's id.
func faultRows(cases []*Case) []faultRow {
	counts := map[string]map[journal.Verdict]int{}
	fired := map[string]int{}
	for _, c := range cases {
		for _, id := range faultIDs(c) {
			if counts[id] == nil {
				counts[id] = map[journal.Verdict]int{}
			}
			counts[id][c.Verdict]++
			if c.Run != nil && slices.ContainsFunc(c.Run.Faults, func(f *journal.Fault) bool {
				return f.Fired != nil && kindOf(f.ID) == id
			}) {
				fired[id]++
			}
		}
	}
	var l []faultRow
	for id, n := range counts {
		l = append(l, faultRow{id, tally(n, 0), fired[id]})
	}
	slices.SortFunc(l, func(a, b faultRow) int { return strings.Compare(a.ID, b.ID) })
	return l
}

// faultIDs is the faults of a case, each once: of ID:arguments the ID.
func faultIDs(c *Case) []string {
	var l []string
	for _, f := range c.Faults {
		id, _, _ := strings.Cut(f, ":")
		l = append(l, id)
	}
	slices.Sort(l)
	return slices.Compact(l)
}

// kindOf is the fault of the table that a fault of a run is: a second one of the same kind has a number behind its id.
func kindOf(id string) string {
	kind, _, _ := strings.Cut(id, "#")
	return kind
}
