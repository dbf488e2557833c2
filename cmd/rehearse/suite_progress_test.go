package main

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/rehearse-dev/rehearse/cmd/internal/suite"
	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/runner/journal"
	"github.com/rehearse-dev/rehearse/runner/report"
)

// shown is what a suite of two scenarios writes while the first runs and ends.
func shown(t *testing.T, environment map[string]string, terminal, quiet bool) string {
	t.Helper()
	var out bytes.Buffer
	e := &env{stderr: &out, terminal: terminal, getenv: func(k string) string { return environment[k] }, size: func() (int, int) { return 60, 24 }}
	p := e.suiteProgress(quiet, 2)
	i := &suite.Item{File: "a_test.star", Scenario: &dsl.Scenario{Name: "etcd loses its majority"}}
	p.Begins(i, 1)
	p.Does(i, "boot     etcd and vCenter", journal.NewRun())
	r := journal.NewRun()
	for n, b := range []journal.Event{
		{Kind: journal.KindRunStarted, Body: []byte(`{"schemaVersion":1}`)},
		{Kind: journal.KindStepStarted, At: 60, Body: []byte(`{"id":"rolled","kind":"wait"}`)},
		{Kind: journal.KindWaitPending, At: 65, Body: []byte(`{"id":"rolled","text":"1 of 3 machines updated \u001b[31m and many more words than there is room for"}`)},
	} {
		b.Seq = int64(n + 1)
		if err := r.Apply(b); err != nil {
			t.Fatal(err)
		}
	}
	p.Does(i, "", r)
	p.Ended(&report.Case{File: i.File, Name: i.Scenario.Name, Verdict: journal.Fail, WallSeconds: 12, Problems: []string{"got 1 write, want 2\nand more"}})
	p.close()
	return out.String()
}

func TestProgressOfASuite(t *testing.T) {
	if got, want := shown(t, nil, false, false), "1/2  fail   etcd loses its majority  12s  got 1 write, want 2\n"; got != want {
		t.Errorf("without a terminal: got %q, want %q", got, want)
	}
	if got := shown(t, nil, true, true); got != "" {
		t.Errorf("quiet: got %q, want nothing", got)
	}
	got := shown(t, map[string]string{"TERM": "xterm"}, true, false)
	for _, want := range []string{
		"0 of 2 have ended, 0 of them no pass, after 0s\n  etcd loses its majority  0s  starting\n",
		"\x1b[2A\r\x1b[J0 of 2",
		"  etcd loses its majority  0s  boot     etcd and vCenter\n",
		"  etcd loses its majority  0s  at 1m05s  rolled  1 of 3 mac\n",
		"\x1b[2A\r\x1b[Jfail   etcd loses its majority  12s  got 1 write, want 2\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("on a terminal: got %q, want %q in it", got, want)
		}
	}
	if foreign := regexp.MustCompile(`\x1b\[[^0-9J]|\x1b\[31m`).FindString(got); foreign != "" {
		t.Errorf("got %q from the site on the terminal", foreign)
	}
}

// What is drawn anew fits on the terminal: the cursor cannot go up beyond its first line.
func TestProgressOfASuiteFitsOnTheTerminal(t *testing.T) {
	for _, height := range []int{1, 6, 24} {
		var out bytes.Buffer
		e := &env{stderr: &out, terminal: true, getenv: func(k string) string { return map[string]string{"TERM": "xterm"}[k] }, size: func() (int, int) { return 30, height }}
		p := e.suiteProgress(false, 40)
		for n := range 10 {
			p.Begins(&suite.Item{File: "a_test.star", Scenario: &dsl.Scenario{Name: fmt.Sprint("s", n)}}, 1)
		}
		want := min(10, max(height-3, 0)) // runs, below the heading
		drawn := strings.Split(strings.TrimSuffix(out.String()[strings.LastIndex(out.String(), "\x1b[J")+len("\x1b[J"):], "\n"), "\n")
		if len(drawn) != 1+want {
			t.Errorf("height %d: got %q, want the heading and %d lines", height, drawn, want)
		}
		for _, l := range drawn {
			if len(l) >= 30 {
				t.Errorf("height %d: got %q, want it to fit into 30 columns", height, l)
			}
		}
		out.Reset()
		p.close()
		if got, want := out.String(), fmt.Sprintf("\x1b[%dA\r\x1b[J", 1+want); got != want {
			t.Errorf("height %d: got %q, want all that was drawn taken away: %q", height, got, want)
		}
	}
}
