package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

// Annotation is what a CI system wants to be told, and where.
type Annotation struct {
	File   string // "": on stderr
	Append bool   // else the file is written anew
	Text   []byte
}

// Annotations is what the CI system of this environment wants: GitHub its commands on stderr, which it reads as well as
// stdout, and a summary in Markdown; GitLab a Code Quality report, which shows what failed beside the changed lines
// (its test report it takes from JUnit). Both know files by their place in the repository. Elsewhere it is nothing.
func Annotations(s *Suite, getenv func(string) string) ([]Annotation, error) {
	var l []Annotation
	if getenv("GITHUB_ACTIONS") == "true" {
		l = append(l, Annotation{Text: github(s, below(getenv("GITHUB_WORKSPACE")))})
		if file := getenv("GITHUB_STEP_SUMMARY"); file != "" {
			l = append(l, Annotation{File: file, Append: true, Text: markdown(s)})
		}
	}
	if getenv("GITLAB_CI") != "" {
		b, err := codeQuality(s, below(getenv("CI_PROJECT_DIR")))
		if err != nil {
			return nil, err
		}
		l = append(l, Annotation{File: filepath.Join(getenv("CI_PROJECT_DIR"), "gl-code-quality-report.json"), Text: b})
	}
	return l, nil
}

// below names files as the repository in a directory does; others, and all where there is no such directory, as they are
// named already.
func below(root string) func(string) string {
	return func(file string) string {
		if root == "" {
			return file
		}
		abs, err := filepath.Abs(file)
		if err != nil {
			return file
		}
		rel, err := filepath.Rel(root, abs)
		if err != nil || !filepath.IsLocal(rel) {
			return file
		}
		return filepath.ToSlash(rel)
	}
}

// troubles is the cases that failed, and after them those that our own machinery ended.
func troubles(s *Suite) []*Case {
	var l []*Case
	for _, v := range []journal.Verdict{journal.Fail, journal.Error} {
		for _, c := range s.Cases {
			if c.Verdict == v {
				l = append(l, c)
			}
		}
	}
	return l
}

// maxGitHub is how many errors of a step GitHub shows; it drops the others in silence.
const maxGitHub = 10

// github is a workflow command per trouble.
func github(s *Suite, place func(string) string) []byte {
	var b bytes.Buffer
	l := troubles(s)
	for _, c := range l[:min(len(l), maxGitHub)] {
		fmt.Fprintf(&b, "::error file=%s,line=%d,title=%s::%s\n", githubProperty(place(c.File)), max(c.Line, 1),
			githubProperty(heading(c)), githubText(explained(c)))
	}
	if more := len(l) - maxGitHub; more > 0 {
		fmt.Fprintf(&b, "::warning title=rehearse::%s\n", githubText(fmt.Sprintf("%s more did not pass and is not shown here",
			plural(more, "scenario"))))
	}
	return b.Bytes()
}

// heading keeps what failed and what broke apart.
func heading(c *Case) string {
	if c.Verdict == journal.Error {
		return "ERROR of the testbed: " + Clean(c.Name)
	}
	return "FAIL " + Clean(c.Name)
}

func githubText(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func githubProperty(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(s)
}

// maxSummary is how many bytes of a summary tell of scenarios. GitHub drops one of more than 1 MiB, to which other commands
// of the step may add.
const maxSummary = 512 << 10

func markdown(s *Suite) []byte {
	var b bytes.Buffer
	n := s.Counts()
	fmt.Fprintf(&b, "### rehearse: %s\n\n| fail | error | pass | skip |\n| --- | --- | --- | --- |\n| %d | %d | %d | %d |\n\n",
		strings.ToUpper(string(s.Verdict())), n[journal.Fail], n[journal.Error], n[journal.Pass], n[journal.Skip])
	more := 0
	for _, c := range troubles(s) {
		text := fmt.Sprintf("- **%s** %s\n\n%s\n", c.Verdict, verbatim(c.Name), fenced(explained(c)))
		if b.Len()+len(text) > maxSummary {
			more++
			continue
		}
		b.WriteString(text)
	}
	if more > 0 {
		fmt.Fprintf(&b, "- and %s more, for which there is no room here\n", plural(more, "scenario"))
	}
	return b.Bytes()
}

// verbatim is a text that Markdown takes as it is: inside of an element it goes on to read its own characters, unless
// they are named.
func verbatim(s string) string {
	var b strings.Builder
	for _, r := range Clean(s) {
		if strings.ContainsRune("&<>\\`*_[]~", r) {
			fmt.Fprintf(&b, "&#%d;", r)
		} else {
			b.WriteRune(r)
		}
	}
	return "<code>" + b.String() + "</code>"
}

// fenced is an indented block of code, which no text can end.
func fenced(s string) string {
	var b strings.Builder
	for _, l := range strings.Split(s, "\n") {
		b.WriteString("      " + Clean(l) + "\n")
	}
	return b.String()
}

// codeQuality is GitLab's subset of Code Climate's format.
func codeQuality(s *Suite, place func(string) string) ([]byte, error) {
	type lines struct {
		Begin int `json:"begin"`
	}
	type location struct {
		Path  string `json:"path"`
		Lines lines  `json:"lines"`
	}
	type issue struct {
		Description string   `json:"description"`
		CheckName   string   `json:"check_name"`
		Fingerprint string   `json:"fingerprint"` // the same as long as file and scenario are
		Severity    string   `json:"severity"`
		Location    location `json:"location"`
	}
	issues := []issue{}
	for _, c := range troubles(s) {
		file := place(c.File)
		sum := sha256.Sum256([]byte(file + "\x00" + c.Name + "\x00" + string(c.Verdict)))
		i := issue{heading(c) + ": " + firstOf(c), "rehearse-" + string(c.Verdict), hex.EncodeToString(sum[:16]), "critical",
			location{file, lines{max(c.Line, 1)}}}
		if c.Verdict == journal.Error {
			i.Severity = "major"
		}
		issues = append(issues, i)
	}
	b, err := json.MarshalIndent(issues, "", "  ")
	return append(b, '\n'), err
}
