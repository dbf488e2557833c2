package journal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// ticking is a clock that goes one second further at every look.
func ticking() func() time.Time {
	var mu sync.Mutex
	now := time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC)
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(time.Second)
		return now
	}
}

func create(t testing.TB) *Writer {
	t.Helper()
	w, err := Create(filepath.Join(t.TempDir(), "run"), ticking(), ticking())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func appendAll(t testing.TB, w *Writer, l ...Body) {
	t.Helper()
	for _, b := range l {
		if err := w.Append(b); err != nil {
			t.Fatalf("append %s: %v", b.EventKind(), err)
		}
	}
}

func started() RunStarted {
	return RunStarted{SchemaVersion: SchemaVersion, RunID: "run-1", Runbook: File{Name: "vsphere-upgrade"}, Seed: 7}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	w := create(t)
	appendAll(t, w, started(), StepStarted{ID: "a", Kind: StepKindStep}, Note{Text: "a < b"})
	run, err := ReadFile(filepath.Dir(w.Path()))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(started(), run.Started); diff != "" {
		t.Error("run.started differs (-want +got):\n" + diff)
	}
	if got, want := run.Notes, []Said{{At: 2, Text: "a < b"}}; !cmp.Equal(got, want) {
		t.Errorf("got notes %v, want %v", got, want)
	}
	if raw, _ := os.ReadFile(w.Path()); !strings.Contains(string(raw), "a < b") {
		t.Errorf("the text cannot be found with grep in\n%s", raw)
	}
}

func TestAJournalThatIsThereIsNeverTouched(t *testing.T) {
	w := create(t)
	appendAll(t, w, started())
	if _, err := Create(filepath.Dir(w.Path()), ticking(), ticking()); !errors.Is(err, os.ErrExist) {
		t.Errorf("got %v, want an error that says the file exists", err)
	}
}

func TestNothingFollowsTheEndOfARun(t *testing.T) {
	w := create(t)
	appendAll(t, w, started(), RunEnded{Verdict: Pass})
	if err := w.Append(Note{Text: "late"}); !errors.Is(err, ErrEnded) {
		t.Errorf("got %v, want %v", err, ErrEnded)
	}
}

func TestAFailureToWriteIsNotForgotten(t *testing.T) {
	w := create(t)
	appendAll(t, w, started())
	w.file.Close()
	if err := w.Append(Note{}); err == nil {
		t.Fatal("got no error from a closed file")
	}
	if err := w.Append(Note{}); err == nil {
		t.Error("the second write after a failed one succeeded")
	}
}

func TestListenersHearEverythingInOrder(t *testing.T) {
	w := create(t)
	var first, second []int64
	w.OnEvent(func(e Event) { first = append(first, e.Seq) })
	w.OnEvent(func(e Event) { second = append(second, e.Seq) })
	appendAll(t, w, started())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 25 {
				appendAll(t, w, Note{Text: "n"})
			}
		})
	}
	wg.Wait()
	w.Drain()
	for _, got := range [][]int64{first, second} {
		for i, n := range got {
			if n != int64(i+1) {
				t.Fatalf("got event %d at place %d", n, i+1)
			}
		}
		if len(got) != 201 {
			t.Errorf("got %d events, want 201", len(got))
		}
	}
}

func TestAListenerMayAppend(t *testing.T) {
	w := create(t)
	var kinds []Kind
	w.OnEvent(func(e Event) {
		if e.Kind == KindStepStarted {
			appendAll(t, w, FaultFired{ID: "drain-blocked"})
		}
	})
	w.OnEvent(func(e Event) { kinds = append(kinds, e.Kind) })
	appendAll(t, w, started(), StepStarted{ID: "a"}, StepEnded{ID: "a"})
	want := []Kind{KindRunStarted, KindStepStarted, KindFaultFired, KindStepEnded}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Error("order of events (-want +got):\n" + diff)
	}
}

func TestDrainWaitsForASlowListener(t *testing.T) {
	w := create(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	heard := 0
	w.OnEvent(func(e Event) {
		if e.Kind == KindNote {
			close(entered)
			<-leave
		}
		heard++
	})
	appendAll(t, w, started())
	go w.Append(Note{})
	<-entered
	appendAll(t, w, Warning{}) // returns although the listener is held
	go close(leave)
	w.Drain()
	if heard != 3 {
		t.Errorf("got %d events heard, want 3", heard)
	}
}

func TestSecretsDoNotEnter(t *testing.T) {
	w := create(t)
	appendAll(t, w, started(), StepStarted{ID: "a"},
		WriteIntent{Key: "a/1", Verb: "patch", Object: ObjectRef{Kind: "Secret", Name: "s"},
			Patch: []byte(`{"data":{"tls.key":"hunter2"}}`)},
		StepEnded{ID: "a", Value: []byte(`[{"kind":"Secret","stringData":{"a":"hunter2"}}]`)})
	raw, err := os.ReadFile(w.Path())
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(raw, []byte("hunter2")) {
		t.Errorf("a secret is in the journal:\n%s", raw)
	}
}
