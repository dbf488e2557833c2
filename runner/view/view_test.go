package view

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-dev/rehearse/runner/journal"
	"github.com/rehearse-dev/rehearse/runner/journal/journaltest"
)

var update = flag.Bool("update", false, "write the golden files of testdata anew")

func machine(name, role, version, phase, message string) journal.Machine {
	return journal.Machine{Cluster: "prod-a", Name: name, Role: role, Version: version, Phase: phase,
		Ready: phase == "Running", Message: message}
}

// upgrade is a run that is seen in the middle of a wait.
func upgrade() journaltest.Story {
	const cp = journal.RoleControlPlane
	wait := "control-plane-rolled"
	return journaltest.Story{
		journal.RunStarted{SchemaVersion: 1, Runbook: journal.File{Name: "vsphere-upgrade"},
			World: &journal.File{Name: "prod-a"}, Seed: 7},
		machine("prod-a-cp-1", cp, "v1.33.7", "Running", ""), machine("prod-a-cp-2", cp, "v1.33.7", "Running", ""),
		machine("prod-a-cp-3", cp, "v1.33.7", "Running", ""), machine("prod-a-md-0-x", "md-0", "v1.33.7", "Running", ""),
		journal.FaultArmed{ID: "drain-blocked", Trigger: "at workers"},
		journal.StepStarted{ID: "preflight", Kind: journal.StepKindStep},
		journal.StepEnded{ID: "preflight", Kind: journal.StepKindStep, Outcome: journal.Done},
		journal.StepStarted{ID: "templates", Kind: journal.StepKindStep},
		journal.StepEnded{ID: "templates", Kind: journal.StepKindStep, Outcome: journal.Noop},
		journal.StepStarted{ID: "control-plane", Kind: journal.StepKindStep},
		journal.WriteIntent{Key: "control-plane/1", Verb: "patch",
			Object: journal.ObjectRef{Kind: "KubeadmControlPlane", Namespace: "cpaas-system", Name: "prod-a"}},
		journal.WriteOutcome{Key: "control-plane/1", OK: true, Changed: true},
		journal.StepEnded{ID: "control-plane", Kind: journal.StepKindStep, Outcome: journal.Done, Writes: 1},
		journal.Note{Text: "the old machines go one at a time"},
		journal.StepStarted{ID: wait, Kind: journal.StepKindWait, Timeout: 10800},
		journal.WaitPending{ID: wait, Text: "0 of 3 machines updated"},
		70 * time.Second,
		machine("prod-a-cp-4", cp, "v1.34.5", "Provisioning", "cloning\x1b[2J"),
		4 * time.Minute,
		machine("prod-a-cp-4", cp, "v1.34.5", "Running", ""),
		machine("prod-a-cp-1", cp, "v1.33.7", "Deleting",
			"Drain not completed yet: Pod default/web: cannot evict pod as it would"+
				" violate the pod's disruption budget"),
		journal.WaitPending{ID: wait, Text: "1 of 3 machines updated; prod-a-cp-1: draining"},
		25 * time.Minute,
		journal.WaitStuck{ID: wait, Text: "1 of 3 machines updated; prod-a-cp-1: draining", Since: 1500},
	}
}

func refused() journaltest.Story {
	return append(upgrade(),
		journal.StepEnded{ID: "control-plane-rolled", Kind: journal.StepKindWait, Outcome: journal.Failed, Code: "timeout",
			Message: "waited 3h: 1 of 3 machines updated", SiteSeconds: 10800},
		journal.InvariantViolated{ID: "etcd-quorum", Message: "etcd of prod-a has no quorum", Since: 1700},
		journal.InvariantJudged{ID: "etcd-quorum", Verdict: journal.Fail},
		journal.RunEnded{Verdict: journal.Fail, Message: "control-plane-rolled: waited 3h", SiteSeconds: 10800})
}

func play(t *testing.T, v *View, s journaltest.Story) {
	t.Helper()
	if _, err := journal.Scan(bytes.NewReader(s.Write(t)),
		func(e journal.Event) error { v.Event(e); return nil }); err != nil {
		t.Fatal(err)
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	if diff := cmp.Diff(string(journaltest.Golden(t, name, *update, []byte(got))), got); diff != "" {
		t.Error("(-want +got):\n" + diff)
	}
}

func TestOneLinePerEvent(t *testing.T) {
	var b strings.Builder
	v := New(Options{Out: &b})
	play(t, v, refused())
	v.Close()
	golden(t, "lines.golden", b.String())
}

func TestQuietSaysNothing(t *testing.T) {
	for _, live := range []bool{false, true} {
		var b strings.Builder
		v := New(Options{Mode: Mode{Quiet: true, Live: live}, Out: &b})
		play(t, v, refused())
		v.Close()
		if b.Len() > 0 {
			t.Errorf("got %q", b.String())
		}
	}
}

// at is a time of the story.
func at(d time.Duration) func() time.Time {
	return func() time.Time { return journaltest.Start.Add(d) }
}

func TestTheLiveTree(t *testing.T) {
	tests := []struct {
		name          string
		mode          Mode
		width, height int
	}{
		{"wide", Mode{Live: true, Unicode: true}, 120, 30},
		{"narrow", Mode{Live: true, Unicode: true}, 40, 30},
		{"low", Mode{Live: true, Unicode: true}, 100, 7},
		{"ascii", Mode{Live: true}, 60, 24},
		{"color", Mode{Live: true, Unicode: true, Color: true}, 120, 30},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			screen := &terminal{}
			v := New(Options{Mode: tt.mode, Out: screen, Size: func() (int, int) { return tt.width, tt.height },
				Site: at(31 * time.Minute), Wall: at(37 * time.Second)})
			play(t, v, upgrade())
			for i, l := range screen.lines {
				if !tt.mode.Color && len([]rune(l)) >= tt.width {
					t.Errorf("line %d is %d wide, want less than %d", i, len([]rune(l)), tt.width)
				}
			}
			if !screen.hidden {
				t.Error("the cursor is not hidden while the tree is drawn")
			}
			golden(t, tt.name+".golden", strings.Join(screen.lines, "\n")+"\n")
			v.Close()
			if screen.hidden {
				t.Error("the cursor is still hidden at the end")
			}
		})
	}
}

func TestWhatStaysWhenTheRunIsOver(t *testing.T) {
	screen := &terminal{}
	v := New(Options{Mode: Mode{Live: true, Unicode: true}, Out: screen, Size: func() (int, int) { return 100, 24 },
		Site: at(3 * time.Hour), Wall: at(time.Minute)})
	play(t, v, refused())
	v.Close()
	v.Close()
	golden(t, "over.golden", strings.Join(screen.lines, "\n")+"\n")
}

func TestTheLiveTreeIsDrawnAtTicks(t *testing.T) {
	drawn := make(chan string, 100)
	tick := make(chan time.Time)
	v := New(Options{Mode: Mode{Live: true}, Out: writerFunc(func(s string) { drawn <- s }), Site: at(0), Wall: at(0),
		Tick: tick})
	play(t, v, upgrade())
	if len(drawn) > 0 {
		t.Error("something is drawn before the first tick")
	}
	tick <- time.Time{}
	if s := <-drawn; !strings.Contains(s, "control-plane-rolled") {
		t.Errorf("got %q", s)
	}
	v.Close()
}

func TestAPersonIsAskedOnACleanTerminal(t *testing.T) {
	screen := &terminal{}
	v := New(Options{Mode: Mode{Live: true}, Out: screen, Site: at(0), Wall: at(0)})
	play(t, v, upgrade())
	before := len(screen.lines)
	v.Aside(func() {
		if len(screen.lines) >= before || screen.hidden {
			t.Errorf("got %d lines, cursor hidden %v; want the live part gone", len(screen.lines), screen.hidden)
		}
	})
	v.Close()
}

func TestModeOf(t *testing.T) {
	tests := []struct {
		name            string
		quiet, terminal bool
		env             map[string]string
		want            Mode
	}{
		{"a terminal", false, true, map[string]string{"TERM": "xterm", "LANG": "en_US.UTF-8"}, Mode{Live: true,
			Color: true, Unicode: true}},
		{"no terminal", false, false, map[string]string{"TERM": "xterm", "LANG": "C.utf8"}, Mode{Unicode: true}},
		{"NO_COLOR", false, true, map[string]string{"TERM": "xterm", "NO_COLOR": "1"}, Mode{Live: true}},
		{"a dumb terminal", false, true, map[string]string{"TERM": "dumb"}, Mode{}},
		{"CI", false, true, map[string]string{"TERM": "xterm", "CI": "true"}, Mode{Color: true}},
		{"quiet", true, true, map[string]string{"TERM": "xterm"}, Mode{Quiet: true, Live: true, Color: true}},
		{"LC_ALL wins", false, false, map[string]string{"LC_ALL": "C", "LANG": "en_US.UTF-8"}, Mode{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := ModeOf(tt.quiet, tt.terminal, func(k string) string { return tt.env[k] }); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

type writerFunc func(string)

func (f writerFunc) Write(b []byte) (int, error) { f(string(b)); return len(b), nil }

// terminal understands as much of a terminal as the view uses.
type terminal struct {
	lines  []string
	row    int
	hidden bool
}

func (s *terminal) Write(b []byte) (int, error) {
	in := bytes.NewReader(b)
	line := ""
	for {
		r, _, err := in.ReadRune()
		switch {
		case err == io.EOF:
			return len(b), nil
		case r == '\r':
		case r == '\n':
			s.lines = append(s.lines[:s.row], line)
			s.row++
			line = ""
		case r == '\x1b':
			line += s.escape(in)
		default:
			line += string(r)
		}
	}
}

// escape obeys a sequence, or returns it when it is a colour.
func (s *terminal) escape(in *bytes.Reader) string {
	seq := "\x1b"
	for {
		r, _, err := in.ReadRune()
		if err != nil {
			panic("a sequence without an end")
		}
		seq += string(r)
		switch r {
		case 'A':
			up := 0
			fmt.Sscanf(seq, "\x1b[%dA", &up)
			s.row -= up
			return ""
		case 'J':
			s.lines = s.lines[:s.row]
			return ""
		case 'h', 'l':
			s.hidden = r == 'l'
			return ""
		case 'm':
			return seq
		}
	}
}

// A terminal that nobody told its size has one of nought by nought.
func TestATerminalWithoutASizeShowsTheRun(t *testing.T) {
	screen := new(bytes.Buffer)
	v := New(Options{Mode: Mode{Live: true}, Out: screen, Size: func() (int, int) { return 0, 0 }, Site: at(0), Wall: at(0)})
	play(t, v, upgrade())
	v.Close()
	if !strings.Contains(screen.String(), "vsphere-upgrade on a twin of prod-a") {
		t.Errorf("got %q", screen.String())
	}
}
