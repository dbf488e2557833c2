package suite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rehearse-dev/rehearse/cmd/internal/suite"
	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/runner/journal"
	"github.com/rehearse-dev/rehearse/runner/journal/journaltest"
	"github.com/rehearse-dev/rehearse/runner/report"
)

// story is a journal of a run whose one step ended so.
func story(outcome journal.Outcome, verdict journal.Verdict, code int) journaltest.Story {
	return journaltest.Story{journal.RunStarted{SchemaVersion: 1, RunID: "run"}, journal.StepStarted{ID: "a", Kind: journal.StepKindStep},
		journal.StepEnded{ID: "a", Kind: journal.StepKindStep, Outcome: outcome}, journal.RunEnded{Verdict: verdict, ExitCode: code, Completed: code == 0}}
}

// players are the processes that play scenarios: shell scripts that get the directory as $1, journals as $2, $3 and $4, and
// this test as $5.
var players = map[string]string{
	"passes":               `cp $2 $1/journal.jsonl`,
	"fails":                `cp $3 $1/journal.jsonl; exit 1`,
	"never began":          `echo no etcd here; exit 3`,
	"was killed":           `head -2 $2 > $1/journal.jsonl; echo about to die; kill -9 $$`,
	"tore it":              `head -c 300 $2 > $1/journal.jsonl; kill -9 $$`,
	"broke late":           `cp $2 $1/journal.jsonl; echo panic after the end; exit 2`,
	"lied":                 `sed s/done/noop/ $2 > $1/journal.jsonl`,
	"hangs":                `echo I am here; exec sleep 1000`,
	"works on":             `echo I am here; for i in $(seq 12); do echo reconciled >> $1/controllers.log; sleep 0.3; done; cp $2 $1/journal.jsonl`,
	"talks on":             `while :; do echo more; sleep 0.05; done`,
	"differs":              `case $1 in */1) cp $2 $1/journal.jsonl;; *) cp $4 $1/journal.jsonl;; esac`,
	"fails then":           `case $1 in */1) cp $2 $1/journal.jsonl;; *) cp $3 $1/journal.jsonl; exit 1;; esac`,
	"fills the disk":       `FILL=$1 exec $5`,
	"breaks then":          `case $1 in */1) cp $2 $1/journal.jsonl;; *) exit 3;; esac`,
	"differs and breaks":   `case $1 in */1) cp $2 $1/journal.jsonl;; */2) cp $4 $1/journal.jsonl;; *) exit 3;; esac`,
	"fails, then talks on": `case $1 in */1) cp $3 $1/journal.jsonl; exit 1;; *) while :; do echo more; sleep 0.05; done;; esac`,
}

// stage is a runner of players.
type stage struct {
	suite.Runner
	mu    sync.Mutex
	began []string
	ended chan string
	does  chan string
}

func newStage(t *testing.T) *stage {
	t.Helper()
	dir := t.TempDir()
	var journals []string
	for n, s := range []journaltest.Story{story(journal.Done, journal.Pass, 0), story(journal.Failed, journal.Fail, 1), story(journal.Noop, journal.Pass, 0)} {
		file := filepath.Join(dir, fmt.Sprintf("%d.jsonl", n))
		if err := os.WriteFile(file, s.Write(t), 0o600); err != nil {
			t.Fatal(err)
		}
		journals = append(journals, file)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	journals = append(journals, self)
	s := &stage{ended: make(chan string, 100), does: make(chan string, 10000)}
	s.Runner = suite.Runner{Jobs: 1, Repeat: 1, Dir: filepath.Join(dir, "runs"), Limits: suite.Limits{Whole: time.Minute, Silence: time.Minute}, Watch: s,
		Command: func(i *suite.Item, dir string) []string {
			return append([]string{"/bin/sh", "-c", players[i.Scenario.Name], "player", dir}, journals...)
		},
		RepeatCommand: func(i *suite.Item) []string { return []string{"rehearse", "test", i.Scenario.Name} }}
	return s
}

func (s *stage) Begins(i *suite.Item, _ int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.began = append(s.began, i.Scenario.Name)
}

func (s *stage) Does(i *suite.Item, said string, _ *journal.Run) {
	s.does <- i.Scenario.Name + ": " + said
}
func (s *stage) Ended(c *report.Case) { s.ended <- c.Name }

func items(names ...string) []*suite.Item {
	var l []*suite.Item
	for n, name := range names {
		l = append(l, &suite.Item{Index: n, File: "x_test.star", Scenario: &dsl.Scenario{Name: name, World: &dsl.World{Name: "w"}, Expect: dsl.Expectation{Kind: dsl.Completes}}})
	}
	return l
}

// run is Run with an end: a runner that hangs fails the test.
func (s *stage) run(t *testing.T, ctx context.Context, l []*suite.Item) []*report.Case {
	t.Helper()
	done := make(chan []*report.Case)
	go func() { done <- s.Run(ctx, l) }()
	late := time.NewTimer(100 * time.Second)
	defer late.Stop()
	select {
	case cases := <-done:
		return cases
	case <-late.C:
		t.Fatal("the runner did not end")
		return nil
	}
}

func wantCase(t *testing.T, c *report.Case, v journal.Verdict, problem string) {
	t.Helper()
	if got := strings.Join(c.Problems, "\n"); c.Verdict != v || !strings.Contains(got, problem) || problem == "" && got != "" {
		t.Errorf("%s: got %s: %q, want %s: %q", c.Name, c.Verdict, got, v, problem)
	}
}

func TestWhateverHappensToOneTheOthersGoOn(t *testing.T) {
	s := newStage(t)
	s.Jobs = 3
	cases := s.run(t, t.Context(), items("passes", "fails", "never began", "was killed", "tore it", "lied", "broke late", "passes"))
	for n, want := range []struct {
		verdict journal.Verdict
		problem string
		journal bool
	}{
		{journal.Pass, "", true},
		{journal.Fail, "got failed at a", true},
		{journal.Error, "without a result: no etcd here", false},
		{journal.Error, "without a result: about to die", true},
		{journal.Error, "without a result: ", true},
		{journal.Error, "the chain is broken", false},
		{journal.Error, "its process broke after the end of its run: got exit status 2, want 0: panic after the end", true},
		{journal.Pass, "", true},
	} {
		wantCase(t, cases[n], want.verdict, want.problem)
		if (cases[n].Run != nil) != want.journal {
			t.Errorf("%s: got a run %v, want one %v: what is there of the journal is evidence", cases[n].Name, cases[n].Run, want.journal)
		}
		if _, err := os.Stat(filepath.Join(cases[n].Dir, suite.LogFile)); err != nil {
			t.Errorf("%s: got no log: %v", cases[n].Name, err)
		}
	}
}

// A disk that fills up while one runs is that one's error: what it had written is evidence, and it says what happened.
func TestAFullDiskEndsOneAndTheOthersGoOn(t *testing.T) {
	cases := newStage(t).run(t, t.Context(), items("passes", "fills the disk", "passes"))
	wantCase(t, cases[0], journal.Pass, "")
	wantCase(t, cases[1], journal.Error, "file too large")
	wantCase(t, cases[2], journal.Pass, "")
	c := cases[1]
	if c.Run == nil || c.Run.Ended != nil || len(c.Run.Steps) != 1 || len(c.Run.Notes) < 10 || c.Blamed != "a" {
		t.Fatalf("got run %+v, blamed %q, want what it had written, up to step a", c.Run, c.Blamed)
	}
	info, err := os.Stat(filepath.Join(c.Dir, journal.FileName))
	if err != nil || info.Size() > disk {
		t.Errorf("got %v, %v, want a journal of no more than %d bytes", info, err, disk)
	}
}

// disk is how large a file can become for the process that fills it.
const disk = 4096

func TestMain(m *testing.M) {
	if dir := os.Getenv("FILL"); dir != "" {
		fmt.Println(fill(dir))
		os.Exit(3) // as a run that cannot write its journal
	}
	os.Exit(m.Run())
}

// fill writes a journal until there is no room, and returns why it ends.
func fill(dir string) error {
	signal.Ignore(unix.SIGXFSZ) // a full disk sends none
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: disk, Max: disk}); err != nil {
		return err
	}
	j, err := journal.Create(dir, time.Now, time.Now)
	if err != nil {
		return err
	}
	if err := errors.Join(j.Append(journal.RunStarted{SchemaVersion: 1, RunID: "run"}), j.Append(journal.StepStarted{ID: "a", Kind: journal.StepKindStep})); err != nil {
		return err
	}
	for {
		if err := j.Append(journal.Note{Text: "there is room"}); err != nil {
			return err
		}
	}
}

func TestADirectoryThatCannotBeMadeIsAnError(t *testing.T) {
	s := newStage(t)
	l := items("passes", "passes")
	if err := os.Mkdir(s.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.Dir, suite.Folder(l[0])), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cases := s.run(t, t.Context(), l)
	wantCase(t, cases[0], journal.Error, "not a directory")
	wantCase(t, cases[1], journal.Pass, "")
}

// What an earlier suite has left in the directory is no result of this one.
func TestTheJournalOfAnEarlierRunIsNotJudged(t *testing.T) {
	for _, name := range []string{"never began", "passes"} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			l := items(name)
			dir := filepath.Join(s.Dir, suite.Folder(l[0]))
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, journal.FileName), story(journal.Done, journal.Pass, 0).Write(t), 0o600); err != nil {
				t.Fatal(err)
			}
			c := s.run(t, t.Context(), l)[0]
			wantCase(t, c, journal.Error, "holds the journal of a run already")
			if c.Run != nil {
				t.Errorf("got a run of %s, want none: it is not this one's", c.Run.Path)
			}
		})
	}
}

func TestAProcessThatHangsIsEnded(t *testing.T) {
	for _, c := range []struct {
		name    string
		limits  suite.Limits
		problem string
	}{
		{"hangs", suite.Limits{Whole: time.Minute, Silence: time.Second}, "it hung: nothing was written to its journal and its logs for 1s, and it was ended\nI am here"},
		{"talks on", suite.Limits{Whole: time.Second, Silence: time.Minute}, "it ran for 1s and was ended\nmore"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t)
			s.Limits = c.limits
			cases := s.run(t, t.Context(), items(c.name, "passes"))
			wantCase(t, cases[0], journal.Error, c.problem)
			wantCase(t, cases[1], journal.Pass, "")
		})
	}
}

func TestStoppingEndsAllAndKeepsWhatIsThere(t *testing.T) {
	s := newStage(t)
	s.Jobs = 2
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() {
		<-s.ended // passes
		seen := map[string]bool{}
		for len(seen) < 2 {
			name, _, _ := strings.Cut(<-s.does, ":")
			seen[name] = name != "passes"
			if !seen[name] {
				delete(seen, name)
			}
		}
		stop()
	}()
	cases := s.run(t, ctx, items("passes", "hangs", "talks on", "fails"))
	wantCase(t, cases[0], journal.Pass, "")
	wantCase(t, cases[1], journal.Skip, "stopped: context canceled")
	wantCase(t, cases[2], journal.Skip, "stopped: context canceled")
	wantCase(t, cases[3], journal.Skip, "not run: context canceled")
}

// TestASilentTwinWhoseControllersWorkHasNotHung: what waits for an etcd that is silent may say nothing for minutes.
func TestASilentTwinWhoseControllersWorkHasNotHung(t *testing.T) {
	s := newStage(t)
	s.Limits = suite.Limits{Whole: time.Minute, Silence: 3 * time.Second}
	wantCase(t, s.run(t, t.Context(), items("works on"))[0], journal.Pass, "")
}

func TestFailFastBeginsNoMore(t *testing.T) {
	s := newStage(t)
	s.FailFast = true
	cases := s.run(t, t.Context(), items("passes", "fails", "was killed", "passes"))
	wantCase(t, cases[1], journal.Fail, "got failed at a")
	wantCase(t, cases[2], journal.Skip, "not run: another scenario was no pass (--fail-fast)")
	if len(s.began) != 2 {
		t.Errorf("got %v begun, want two", s.began)
	}
}

func TestFailFastLetsEndWhatHasBegun(t *testing.T) {
	s := newStage(t)
	s.FailFast, s.Jobs, s.Limits.Whole = true, 2, 2*time.Second
	cases := s.run(t, t.Context(), items("talks on", "fails", "passes"))
	wantCase(t, cases[0], journal.Error, "it ran for 2s and was ended") // by its limit, and not because of the other one
	wantCase(t, cases[1], journal.Fail, "got failed at a")
	wantCase(t, cases[2], journal.Skip, "not run: another scenario was no pass")
}

func TestTheSameSeedHasToGiveTheSameRun(t *testing.T) {
	s := newStage(t)
	s.Repeat = 2
	cases := s.run(t, t.Context(), items("passes", "differs"))
	wantCase(t, cases[0], journal.Pass, "")
	wantCase(t, cases[1], journal.Fail, "not the same run twice: run 2 of seed 0 differs in step 1: got step a noop, and step a done the first time")
	if len(s.began) != 4 || cases[0].Times != 2 {
		t.Errorf("got %v begun and %d times, want each twice", s.began, cases[0].Times)
	}
}

// A run of many that is no pass makes the case none, whatever the others were, and is its evidence.
func TestEveryRunOfARepetitionCounts(t *testing.T) {
	s := newStage(t)
	s.Repeat = 2
	cases := s.run(t, t.Context(), items("fails then", "breaks then", "differs and breaks", "fails"))
	wantCase(t, cases[0], journal.Fail, "run 2 of seed 0: got failed at a")
	wantCase(t, cases[1], journal.Error, "run 2 of seed 0: its process ended by itself")
	for n, c := range cases[:2] {
		if want := filepath.Join(s.Dir, suite.Folder(items("fails then", "breaks then")[n]), "2"); c.Dir != want {
			t.Errorf("%s: got evidence %s, want %s", c.Name, c.Dir, want)
		}
	}
	if n := strings.Count(strings.Join(cases[3].Problems, "\n"), "got failed at a"); n != 1 {
		t.Errorf("got %q, want what is wrong each time said once", cases[3].Problems)
	}
	s = newStage(t)
	s.Repeat = 3
	c := s.run(t, t.Context(), items("differs and breaks"))[0]
	if c.Verdict != journal.Error || !strings.HasPrefix(c.Problems[0], "run 3 of seed 0: its process ended") ||
		!strings.HasPrefix(c.Problems[len(c.Problems)-1], "not the same run twice: run 2") {
		t.Errorf("got %s: %q, want the error first: nothing else can be trusted", c.Verdict, c.Problems)
	}
}

func TestStoppingARepetitionKeepsTheFail(t *testing.T) {
	s := newStage(t)
	s.Repeat = 2
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() {
		for !strings.HasSuffix(<-s.does, "more") { // of the second run
		}
		stop()
	}()
	c := s.run(t, ctx, items("fails, then talks on"))[0]
	if want := filepath.Join(s.Dir, "001-fails-then-talks-on", "1"); c.Verdict != journal.Fail || c.Dir != want || c.Run == nil || c.Run.Ended == nil {
		t.Errorf("got %s: %q in %s, want the fail of %s", c.Verdict, c.Problems, c.Dir, want)
	}
}

// The last word on each scenario counts, whichever results of the suite it is in; those of other suites never do.
func TestASuiteRemembersWhatWasNoPass(t *testing.T) {
	parent := t.TempDir()
	save := func(dir string, verdicts ...string) {
		t.Helper()
		r := &report.Suite{}
		for i := 0; i < len(verdicts); i += 2 {
			r.Cases = append(r.Cases, &report.Case{File: "x_test.star", Name: verdicts[i], Verdict: journal.Verdict(verdicts[i+1])})
		}
		if err := os.Mkdir(filepath.Join(parent, dir), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := suite.Save(filepath.Join(parent, dir), r); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := suite.Failed(parent, "nightly"); !errors.Is(err, suite.ErrNoResult) {
		t.Errorf("before the first: got %v, want %v", err, suite.ErrNoResult)
	}
	save("nightly-20261120-020000.000", "passes", "pass", "fails", "fail", "was killed", "error", "lied", "fail")
	save("nightly-20261121-020000.000", "fails", "fail", "passes", "skip")
	save("nightly-20261121-030000.000", "lied", "pass")
	save("nightly-other-20261121-040000.000", "was killed", "pass")
	save("nightly-3-20261121-050000.000", "was killed", "pass")
	if err := os.Mkdir(filepath.Join(parent, "nightly-20261121-060000.000"), 0o700); err != nil { // of one that was killed
		t.Fatal(err)
	}
	ids, err := suite.Failed(parent, "nightly")
	if err != nil {
		t.Fatal(err)
	}
	var again []string
	for _, i := range (suite.Selection{Only: ids}).Of(items("passes", "fails", "was killed", "lied")) {
		again = append(again, i.Scenario.Name)
	}
	if got := strings.Join(again, ", "); got != "passes, fails, was killed" {
		t.Errorf("got %s, want what was no pass the last time", got)
	}
}

func TestAShardIsReadFromTheFlagOrFromThePodOfAJob(t *testing.T) {
	for _, c := range []struct {
		text, index, completions string
		want                     suite.Shard
		problem                  string // "" for none
	}{
		{"", "1", "2", suite.Shard{}, ""},
		{"1/1", "", "", suite.Shard{Index: 1, Count: 1}, ""},
		{"2/5", "4", "9", suite.Shard{Index: 2, Count: 5}, ""},
		{"0/2", "", "", suite.Shard{}, `got "0/2", want I/N`},
		{"3/2", "", "", suite.Shard{}, `got "3/2", want I/N`},
		{"-1/2", "", "", suite.Shard{}, `got "-1/2", want I/N`},
		{"2", "", "", suite.Shard{}, `got "2", want I/N`},
		{"/", "", "", suite.Shard{}, `got "/", want I/N`},
		{"a/2", "", "", suite.Shard{}, `got "a/2", want I/N`},
		{"1/b", "", "", suite.Shard{}, `got "1/b", want I/N`},
		{"job", "0", "1", suite.Shard{Index: 1, Count: 1}, ""},
		{"job", "0", "8", suite.Shard{Index: 1, Count: 8}, ""},
		{"job", "7", "8", suite.Shard{Index: 8, Count: 8}, ""},
		{"job", "", "8", suite.Shard{}, `got JOB_COMPLETION_INDEX="", want the completion index`},
		{"job", "first", "8", suite.Shard{}, `got JOB_COMPLETION_INDEX="first", want the completion index`},
		{"job", "1.5", "8", suite.Shard{}, `got JOB_COMPLETION_INDEX="1.5", want the completion index`},
		{"job", "-1", "8", suite.Shard{}, `got JOB_COMPLETION_INDEX="-1", want the completion index`},
		{"job", "99999999999999999999", "8", suite.Shard{}, `got JOB_COMPLETION_INDEX="99999999999999999999", want the completion index`},
		{"job", "0", "", suite.Shard{}, `got JOB_COMPLETIONS="", want the Job's completions`},
		{"job", "0", "all", suite.Shard{}, `got JOB_COMPLETIONS="all", want the Job's completions`},
		{"job", "0", "0", suite.Shard{}, `got JOB_COMPLETIONS="0", want the Job's completions`},
		{"job", "0", "-8", suite.Shard{}, `got JOB_COMPLETIONS="-8", want the Job's completions`},
		{"job", "8", "8", suite.Shard{}, `got JOB_COMPLETIONS="8", want the Job's completions`},
	} {
		env := map[string]string{"JOB_COMPLETION_INDEX": c.index, "JOB_COMPLETIONS": c.completions}
		got, err := suite.ParseShard(c.text, func(name string) string { return env[name] })
		if got != c.want || (err == nil) != (c.problem == "") || err != nil && !strings.Contains(err.Error(), c.problem) {
			t.Errorf("%q in pod %q of %q: got %v, %v, want %v, %q", c.text, c.index, c.completions, got, err, c.want, c.problem)
		}
	}
}

func TestShardsHaveEveryScenarioOnce(t *testing.T) {
	all := items("passes", "fails", "passes", "lied", "hangs")
	for count := 1; count <= 7; count++ { // more than there are scenarios: some shards are empty
		had := map[*suite.Item]int{}
		for index := 1; index <= count; index++ {
			for _, i := range (suite.Selection{Shard: suite.Shard{Index: index, Count: count}}).Of(all) {
				had[i]++
			}
		}
		for n, i := range all {
			if had[i] != 1 {
				t.Errorf("%d shards: scenario %d is in %d of them, want one", count, n, had[i])
			}
		}
	}
}

func TestDefaultJobs(t *testing.T) {
	const gib = 1 << 30
	for _, c := range []struct {
		cores  int
		memory uint64
		want   int
	}{{1, 0, 2}, {2, 64 * gib, 4}, {16, 64 * gib, 32}, {16, 8 * gib, 4}, {16, gib, 1}} {
		if got := suite.DefaultJobs(c.cores, c.memory); got != c.want {
			t.Errorf("%d cores and %d GiB: got %d, want %d", c.cores, c.memory/gib, got, c.want)
		}
	}
	if suite.Memory() == 0 {
		t.Error("got no memory, want what this system says")
	}
}
