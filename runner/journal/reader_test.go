package journal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// lines is a journal of a started run and the bodies.
func lines(t testing.TB, l ...Body) []byte {
	t.Helper()
	w := create(t)
	appendAll(t, w, started())
	appendAll(t, w, l...)
	raw, err := os.ReadFile(w.Path())
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestReadRefuses(t *testing.T) {
	good := string(lines(t, Note{Text: "one"}, Note{Text: "two"}, Note{Text: "three"}))
	l := strings.SplitAfter(good, "\n")
	tests := []struct{ name, in, want string }{
		{"an empty journal", "", "there is no event in it"},
		{"a changed line, at the line after it", strings.Replace(good, "one", "ONE", 1), "line 3: the chain is broken"},
		{"a missing line", l[0] + l[2] + l[3], "line 2: got event 3, want event 2"},
		{"a torn line that is not the last", l[0] + l[1][:20] + "\n" + l[2], "line 2: not an event"},
		{"garbage that ends in a newline", good + "xx\n", "line 5: not an event"},
		{"an empty line", l[0] + "\n" + l[1], "line 2: not an event"},
		{"a run that does not start", `{"seq":1,"kind":"note","body":{"text":""}}` + "\n",
			"line 1: got note, want run.started"},
		{"a newer schema", `{"seq":1,"kind":"run.started","body":{"schemaVersion":2}}` + "\n",
			"line 1: got schema version 2, want 1"},
		{"a verdict that was changed", strings.Replace(string(lines(t, RunEnded{Verdict: Fail})), `"fail"`, `"pass"`, 1),
			"line 2: the seal is broken"},
		{"a body of another shape", `{"seq":1,"kind":"run.started","body":[]}` + "\n",
			"line 1: event 1: body of run.started"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Read(strings.NewReader(tt.in))
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got error %v, want %s…", err, tt.want)
			}
		})
	}
}

func TestAnUnknownKindIsSkipped(t *testing.T) {
	one := lines(t)
	next := fmt.Sprintf(`{"seq":2,"kind":"host.rebooted","body":{"x":[1]},"prev":%q}`+"\n", hashLine(one))
	run, err := Read(bytes.NewReader(append(one, next...)))
	if err != nil {
		t.Fatal(err)
	}
	if run.Events != 2 {
		t.Errorf("got %d events, want 2", run.Events)
	}
}

func TestATornLastLineIsDropped(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(r, "notes")
		var bodies []Body
		for range n {
			bodies = append(bodies, Note{Text: rapid.String().Draw(r, "text")})
		}
		raw := lines(t, bodies...)
		first := bytes.IndexByte(raw, '\n') + 1
		cut := rapid.IntRange(first, len(raw)).Draw(r, "cut")
		run, err := Read(bytes.NewReader(raw[:cut]))
		if err != nil {
			r.Fatalf("cut at %d of %d: %v", cut, len(raw), err)
		}
		whole := bytes.Count(raw[:cut], []byte("\n"))
		if run.Events != whole || run.Torn != (raw[cut-1] != '\n') {
			r.Fatalf("got %d events, torn %v; want %d events", run.Events, run.Torn, whole)
		}
	})
}

func TestAChangedByteIsFound(t *testing.T) {
	raw := lines(t, Note{Text: "one"}, Note{Text: "two"}, RunEnded{Verdict: Pass})
	rapid.Check(t, func(r *rapid.T) {
		b := bytes.Clone(raw)
		at := rapid.IntRange(0, len(raw)-2).Draw(r, "at")
		b[at] ^= byte(rapid.IntRange(1, 255).Draw(r, "flip"))
		if _, err := Read(bytes.NewReader(b)); err == nil {
			r.Fatalf("byte %d of %q changed to %q and nothing was said", at, raw[at], b[at])
		}
	})
}

func TestARunEndedThatIsRenamedIsFound(t *testing.T) {
	raw := bytes.Replace(lines(t, RunEnded{Verdict: Pass}), []byte(`"run.ended"`), []byte(`"sun.ended"`), 1)
	if _, err := Read(bytes.NewReader(raw)); err == nil {
		t.Error("got no error, want a broken seal")
	}
}

func FuzzRead(f *testing.F) {
	f.Add(lines(f, StepStarted{ID: "a"}, WriteIntent{Key: "a/1"}, WriteOutcome{Key: "a/1"}, StepEnded{ID: "a"}))
	f.Add(lines(f, Machine{Cluster: "c", Name: "m", Phase: "Running"}, FaultFired{ID: "f"}, RunEnded{}))
	f.Add([]byte(`{"seq":1,"kind":"run.started","body":{"schemaVersion":1},"prev":""}` + "\n{"))
	f.Fuzz(func(t *testing.T, in []byte) {
		run, err := Read(bytes.NewReader(in))
		if err != nil {
			return
		}
		if run.Torn != (in[len(in)-1] != '\n') {
			t.Errorf("torn %v for %q", run.Torn, in)
		}
		run.Machines()
		run.Replaced()
		run.Changed()
		if _, err := json.Marshal(run.Started); err != nil {
			t.Errorf("what was read cannot be written again: %v", err)
		}
	})
}
