package report

import (
	"fmt"
	"html"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

func TestAnnotationsGoWhereTheyAreRead(t *testing.T) {
	env := map[string]string{}
	get := func() []Annotation {
		t.Helper()
		l, err := Annotations(exampleSuite(t), func(k string) string { return env[k] })
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	if l := get(); len(l) != 0 {
		t.Errorf("outside of CI: got %d annotations, want none", len(l))
	}
	env["GITHUB_ACTIONS"], env["GITHUB_STEP_SUMMARY"] = "true", "/tmp/summary"
	l := get()
	if len(l) != 2 || l[0].File != "" || l[1].File != "/tmp/summary" || !l[1].Append {
		t.Fatalf("on GitHub: got %+v", l)
	}
	golden(t, "suite.github", l[0].Text)
	golden(t, "suite.summary.md", l[1].Text)
	env = map[string]string{"GITLAB_CI": "true", "CI_PROJECT_DIR": "/builds/x"}
	l = get()
	if len(l) != 1 || l[0].File != "/builds/x/gl-code-quality-report.json" || l[0].Append {
		t.Fatalf("on GitLab: got %+v", l)
	}
	golden(t, "suite.gitlab.json", l[0].Text)
}

// GitHub reads Markdown inside of <code> as well; a character that is named has no meaning there.
func TestANameIsNoMarkdown(t *testing.T) {
	const special = "\\`*_[]<>&~"
	got := verbatim("a" + special + "z")
	inside := strings.TrimSuffix(strings.TrimPrefix(got, "<code>a"), "z</code>")
	if strings.ContainsAny(inside, "\\`*_[]<>~") || html.UnescapeString(inside) != special {
		t.Errorf("got %s, want %s as it is", got, special)
	}
}

func TestGitHubIsToldOfNoMoreThanItShows(t *testing.T) {
	s := &Suite{}
	for range maxGitHub + 3 {
		s.Cases = append(s.Cases, &Case{Name: "a:b,c%\nd", File: "x.star", Verdict: journal.Error})
	}
	s.Cases = append(s.Cases, &Case{Name: "last", File: "x.star", Verdict: journal.Fail})
	got := string(github(s, below("")))
	if n := strings.Count(got, "::error "); n != maxGitHub {
		t.Errorf("got %d errors, want %d", n, maxGitHub)
	}
	if !strings.HasPrefix(got, "::error file=x.star,line=1,title=FAIL last::") {
		t.Errorf("got %.80s first, want what failed before what broke", got)
	}
	if !strings.Contains(got, "::warning title=rehearse::4 scenarios more") || !strings.Contains(got, "a%3Ab%2Cc%25 d") {
		t.Errorf("got %s", got)
	}
}

// A CI system knows files by their place in the repository, wherever the command was started and however they were typed.
func TestAnnotationsNameFilesAsTheRepositoryDoes(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "repo", "deep"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Join(root, "repo", "deep"))
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	repo := filepath.Dir(here)
	for _, c := range []struct{ root, file, want string }{
		{repo, "x_test.star", "deep/x_test.star"},
		{repo, "../y_test.star", "y_test.star"},
		{repo, filepath.Join(repo, "z_test.star"), "z_test.star"},
		{repo + "/", "./x_test.star", "deep/x_test.star"},
		{repo, "../../x_test.star", "../../x_test.star"},
		{filepath.Join(root, "elsewhere"), "x_test.star", "x_test.star"},
		{"", "x_test.star", "x_test.star"},
	} {
		s := &Suite{Cases: []*Case{{Name: "a", File: c.file, Line: 7, Verdict: journal.Fail}}}
		env := map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": c.root, "GITLAB_CI": "true", "CI_PROJECT_DIR": c.root}
		l, err := Annotations(s, func(k string) string { return env[k] })
		if err != nil {
			t.Fatal(err)
		}
		if got, want := string(l[0].Text), "::error file="+c.want+",line=7,"; !strings.HasPrefix(got, want) {
			t.Errorf("%s in %s, on GitHub: got %s, want %s", c.file, c.root, got, want)
		}
		if got, want := string(l[1].Text), fmt.Sprintf(`"path": %q`, c.want); !strings.Contains(got, want) {
			t.Errorf("%s in %s, on GitLab: got %s, want %s", c.file, c.root, got, want)
		}
	}
}

// GitHub drops a summary that is too long as a whole.
func TestASummaryIsShortEnough(t *testing.T) {
	s := &Suite{}
	const each = 10 << 10
	for n := range 200 {
		s.Cases = append(s.Cases, &Case{Name: fmt.Sprint(n), Verdict: journal.Fail, Problems: []string{strings.Repeat("x", each)}})
	}
	s.Cases[0].Problems[0] = strings.Repeat("x", 2<<20)
	got := string(markdown(s))
	shown := strings.Count(got, "- **fail** ")
	if len(got) > 1<<20 || len(got) < 1<<18 {
		t.Errorf("got %d bytes, want less than 1 MiB, and the room used", len(got))
	}
	if want := fmt.Sprintf("- and %d scenarios more, ", len(s.Cases)-shown); shown == 0 || !strings.Contains(got, want) {
		t.Errorf("got %d shown, and at the end %s, want %q", shown, got[max(0, len(got)-100):], want)
	}
}
