package report

import (
	"bytes"
	"embed"
	"html/template"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

//go:embed page
var pageFiles embed.FS

// HTML is a run as one file that needs nothing else: no network, no JavaScript. The same run gives the same bytes.
func HTML(r *journal.Run) ([]byte, error) {
	return render("run.html", newRunPage(r, nil))
}

// templates are the files of page/, read once.
var templates = sync.OnceValues(func() (*template.Template, error) {
	css, err := pageFiles.ReadFile("page/style.css")
	if err != nil {
		return nil, err
	}
	return template.New("").Funcs(template.FuncMap{
		"at":      Duration,
		"command": Command,
		"name":    nameOf,
		"nested":  func(s string) bool { return strings.HasPrefix(s, "  ") },
		"plural":  plural,
		"style":   func() template.CSS { return template.CSS(css) },
		"upper":   func(v journal.Verdict) string { return strings.ToUpper(string(v)) },
		"utc":     func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
	}).ParseFS(pageFiles, "page/*.html")
})

// render executes a template of page/ and takes out what could deceive a reader.
func render(name string, data any) ([]byte, error) {
	t, err := templates()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, name, data); err != nil {
		return nil, err
	}
	return tame(b.Bytes()), nil
}

// tame does to a page what Clean does to a line: a text of a site must not turn around what stands beside it.
func tame(page []byte) []byte {
	return bytes.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return ' '
		}
		return r
	}, page)
}

// runPage is what the template of a run is given.
type runPage struct {
	*journal.Run
	End     journal.RunEnded
	Case    *Case // nil: the run is not part of a suite
	Failure *failure
	Line    timeline
	Writes  []write
	Claims  []claim
	Lost    int // events that the clock saw too late
}

func newRunPage(r *journal.Run, c *Case) *runPage {
	p := &runPage{Run: r, End: endOf(r), Case: c, Line: newTimeline(r), Writes: writesOf(r)}
	if p.End.Verdict != journal.Pass {
		f := failureOf(r)
		f.wanted = c != nil && c.Verdict == journal.Pass
		p.Failure = &f
	}
	for _, i := range r.Invariants {
		p.Claims = append(p.Claims, claim{i, judged(i)})
	}
	if r.Clock != nil {
		p.Lost = r.Clock.Late
	}
	return p
}

// Title is what the browser's tab says.
func (p *runPage) Title() string {
	title := nameOf(p.Started.Runbook)
	if p.Case != nil {
		title = p.Case.Name
	}
	return strings.ToUpper(string(p.Verdict())) + " " + title
}

// Verdict is that of the scenario, whose expectation may be that its run fails.
func (p *runPage) Verdict() journal.Verdict {
	if p.Case != nil {
		return p.Case.Verdict
	}
	return p.End.Verdict
}

// Where is what the run acted on.
func (p *runPage) Where() string {
	if p.Started.World == nil {
		return "the live site"
	}
	return "a twin of " + nameOf(*p.Started.World)
}

// Fired is how many faults were felt.
func (p *runPage) Fired() int {
	n := 0
	for _, f := range p.Faults {
		if f.Fired != nil {
			n++
		}
	}
	return n
}

// Pace is how many site seconds a wall second had, 0 when nobody can say.
func (p *runPage) Pace() int {
	if p.End.WallSeconds <= 0 {
		return 0
	}
	return int(p.End.SiteSeconds/p.End.WallSeconds + 0.5)
}

// Repeat is the command that does the same again.
func (p *runPage) Repeat() string {
	if p.Case != nil && len(p.Case.Repeat) > 0 {
		return Command(p.Case.Repeat)
	}
	return Command(p.Started.Command)
}

// StepLink is the id of a step on the page.
func (p *runPage) StepLink(s *journal.Step) string { return stepLink(p.Run, s) }

// Remarks are the warnings, in the words of the text report.
func (p *runPage) Remarks() []string { return warningsOf(p.Run) }

// claim is an invariant with its verdict.
type claim struct {
	*journal.Invariant
	Judged journal.InvariantJudged
}
