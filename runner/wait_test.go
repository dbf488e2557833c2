package runner_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/runner"
	"github.com/rehearse-dev/rehearse/runner/journal"
)

// events is what the journal on disk holds at the moment.
func (r *rig) events(t *testing.T) []journal.Event {
	t.Helper()
	f, err := os.Open(r.journal.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var l []journal.Event
	if _, err := journal.Scan(f, func(e journal.Event) error { l = append(l, e); return nil }); err != nil {
		t.Fatal(err)
	}
	return l
}

func (r *rig) count(t *testing.T, k journal.Kind) int {
	t.Helper()
	n := 0
	for _, e := range r.events(t) {
		if e.Kind == k {
			n++
		}
	}
	return n
}

func isConfigMap(path string) bool { return strings.Contains(path, "configmaps") }

// waiting is a script of one wait that polls with the given answers, the last one repeated, and notes when it is asked.
func waiting(w dsl.Wait, s *site, polled *[]int, answers ...dsl.Poll) func(context.Context, dsl.Host) error {
	return func(ctx context.Context, h dsl.Host) error {
		_, err := h.Wait(ctx, w, func(context.Context, dsl.Site) (dsl.Poll, error) {
			a := answers[min(len(*polled), len(answers)-1)]
			*polled = append(*polled, int(s.clock.Now().Sub(start).Seconds()))
			return a, nil
		})
		return err
	}
}

func pending(text string) dsl.Poll { return dsl.Poll{State: dsl.Pending, Text: text} }

var finished = dsl.Poll{State: dsl.Done, Value: json.RawMessage(`3`)}

func TestAWaitPollsInSiteTime(t *testing.T) {
	s := newSite(t, newFakeAPI(t).config())
	r := newRig(t, s)
	var polled []int
	got := r.run(t, waiting(dsl.Wait{ID: "rolled", Timeout: time.Hour}, s, &polled,
		pending("0 of 3"), pending("1 of 3"), pending("1 of 3"), finished))
	expect(t, got, journal.Pass, runner.ExitPass, "rolled done")
	if diff := cmp.Diff([]int{0, 15, 30, 45}, polled); diff != "" {
		t.Error("polls (-want +got):\n" + diff)
	}
	if e := got.Run.Steps[0].End; string(e.Value) != "3" || e.SiteSeconds != 45 {
		t.Errorf("got %+v", e)
	}
	if n := r.count(t, journal.KindWaitPending); n != 2 {
		t.Errorf("got %d pending texts in the journal, want 2", n)
	}
}

func TestAWaitThatNothingHappensInPollsLessOften(t *testing.T) {
	s := newSite(t, newFakeAPI(t).config())
	var polled []int
	got := newRig(t, s).run(t, waiting(dsl.Wait{ID: "rolled", Timeout: 30 * time.Minute}, s, &polled, pending("0 of 3")))
	expect(t, got, journal.Fail, runner.ExitBlocked, "rolled blocked timeout")
	contains(t, "message", got.Message, "rolled: waited 30m: 0 of 3")
	last := polled[len(polled)-1]
	if len(polled) > 50 || last != 30*60 {
		t.Errorf("got %d polls, the last at %ds; want at most 50, the last at the end of the time", len(polled), last)
	}
}

func TestAWaitPollsAsOftenAsItSays(t *testing.T) {
	s := newSite(t, newFakeAPI(t).config())
	var polled []int
	newRig(t, s).run(t, waiting(dsl.Wait{ID: "rolled", Timeout: time.Minute, Every: 25 * time.Second}, s, &polled,
		pending("")))
	if diff := cmp.Diff([]int{0, 25, 50, 60}, polled); diff != "" {
		t.Error("polls (-want +got):\n" + diff)
	}
}

func TestAWaitSaysOnceThatItIsStuck(t *testing.T) {
	s := newSite(t, newFakeAPI(t).config())
	r := newRig(t, s)
	var polled []int
	got := r.run(t, waiting(dsl.Wait{ID: "rolled", Timeout: 20 * time.Minute, StuckAfter: 5 * time.Minute}, s, &polled,
		pending("0 of 3"), pending("1 of 3")))
	if n := r.count(t, journal.KindWaitStuck); n != 1 {
		t.Errorf("got %d events that the wait is stuck, want 1", n)
	}
	if s := got.Run.Steps[0].Stuck; s == nil || s.Text != "1 of 3" || s.Since < 300 || s.Since > 330 {
		t.Errorf("got %+v", s)
	}
}

func TestAWaitThatStaysStuckEndsWhereTheRunHasNoPatience(t *testing.T) {
	w := dsl.Wait{ID: "rolled", Timeout: 10 * time.Hour, StuckAfter: 5 * time.Minute}
	stuck := dsl.Poll{State: dsl.Pending, Text: "1 of 3", Code: "not-rolled"}
	for _, c := range []struct {
		name    string
		answers []dsl.Poll
		outcome string
		until   float64 // site seconds at which the wait has ended, about
	}{
		{"no change", []dsl.Poll{stuck}, "rolled blocked not-rolled", 25 * 60},
		{"slow, but it moves", append(slices.Repeat([]dsl.Poll{stuck}, 18), pending("2 of 3"), finished), "rolled done", 8 * 60},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, newFakeAPI(t).config())
			r := newRig(t, s)
			r.options.StuckFor = 20 * time.Minute
			var polled []int
			got := r.run(t, waiting(w, s, &polled, c.answers...))
			end := got.Run.Steps[0].End
			if text := strings.TrimSpace(fmt.Sprintf("%s %s %s", end.ID, end.Outcome, end.Code)); text != c.outcome {
				t.Errorf("got %s, want %s", text, c.outcome)
			}
			if end.Expired != (end.Outcome != journal.Done) || got.Run.Ended.Completed == end.Expired {
				t.Errorf("got expired %v, completed %v", end.Expired, got.Run.Ended.Completed)
			}
			if end.SiteSeconds < c.until-60 || end.SiteSeconds > c.until+120 || got.Run.Steps[0].Stuck == nil {
				t.Errorf("got an end after %v s of site time, want about %v, and that it was stuck", end.SiteSeconds, c.until)
			}
		})
	}
}

func TestABrokenWaitEndsAtOnce(t *testing.T) {
	s := newSite(t, newFakeAPI(t).config())
	var polled []int
	got := newRig(t, s).run(t, waiting(dsl.Wait{ID: "rolled", Timeout: time.Hour}, s, &polled,
		dsl.Poll{State: dsl.Broken, Text: "BaremetalMachine x: Failed", Code: "image-catalog-miss"}))
	expect(t, got, journal.Fail, runner.ExitBlocked, "rolled blocked image-catalog-miss")
}

func TestTheTimeRunsOutWithTheCodeOfTheLastPendingText(t *testing.T) {
	s := newSite(t, newFakeAPI(t).config())
	var polled []int
	got := newRig(t, s).run(t, waiting(dsl.Wait{ID: "rolled", Timeout: time.Minute}, s, &polled,
		dsl.Poll{State: dsl.Pending, Text: "etcd has no quorum", Code: "etcd-quorum-lost"}))
	expect(t, got, journal.Fail, runner.ExitBlocked, "rolled blocked etcd-quorum-lost")
}

func TestAWaitLooksAgainSoonAfterAMachineHasMoved(t *testing.T) {
	api := newFakeAPI(t)
	s := newSite(t, api.config())
	r := newRig(t, s)
	heard := make(chan struct{})
	hear := sync.OnceFunc(func() { close(heard) })
	r.journal.OnEvent(func(e journal.Event) {
		if e.Kind == journal.KindMachine {
			hear()
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	s.clock.After("the machine comes", 17*time.Second, func() {
		api.put("cluster.x-k8s.io/v1beta1", "machines", controlPlaneMachine("cp-1", nil))
		select { // a watch is not waited for by the clock
		case <-heard:
			r.journal.Drain()
		case <-ctx.Done():
			t.Error("nobody heard of the machine within 20s")
		}
	})
	var polled []int
	r.run(t, waiting(dsl.Wait{ID: "rolled", Timeout: time.Hour}, s, &polled,
		pending("0 of 3"), pending("0 of 3"), finished))
	if diff := cmp.Diff([]int{0, 15, 25}, polled); diff != "" {
		t.Error("polls, two of which are never less than 10s apart (-want +got):\n" + diff)
	}
}

// A wait does not die of a site that is away for a while; it says what it waits for.
func TestASiteThatDoesNotAnswerIsAPendingText(t *testing.T) {
	api := newFakeAPI(t)
	s := newSite(t, api.config())
	r := newRig(t, s)
	api.fail = func(_, path string) int {
		if isConfigMap(path) && s.clock.Now().Sub(start) < time.Minute {
			return 503
		}
		return 0
	}
	api.put("v1", "configmaps", object{"apiVersion": "v1", "kind": "ConfigMap", "metadata": object{"name": "a"}})
	got := r.run(t, func(ctx context.Context, h dsl.Host) error {
		_, err := h.Wait(ctx, dsl.Wait{ID: "there", Timeout: time.Hour}, func(ctx context.Context, s dsl.Site) (dsl.Poll,
			error) {
			if _, err := s.Cluster("").Get(ctx, dsl.Ref{Kind: "ConfigMap", Namespace: "ns", Name: "a"}); err != nil {
				return dsl.Poll{}, errors.Join(errors.New("in a.star"), err)
			}
			return finished, nil
		})
		return err
	})
	expect(t, got, journal.Pass, runner.ExitPass, "there done")
	contains(t, "pending text", got.Run.Steps[0].Pending, "the site does not answer: get ConfigMap ns/a: ")
}

func TestAnErrorInAWaitThatIsNotTheSitesEndsIt(t *testing.T) {
	got := newRig(t, newSite(t, newFakeAPI(t).config())).run(t, func(ctx context.Context, h dsl.Host) error {
		_, err := h.Wait(ctx, dsl.Wait{ID: "there", Timeout: time.Hour}, func(ctx context.Context, s dsl.Site) (dsl.Poll,
			error) {
			_, err := s.Cluster("").Get(ctx, dsl.Ref{Kind: "ConfigMap", Namespace: "ns", Name: "a"})
			return dsl.Poll{}, err
		})
		if !errors.Is(err, dsl.ErrNotFound) {
			t.Errorf("got %v, want an error that wraps ErrNotFound", err)
		}
		return err
	})
	expect(t, got, journal.Fail, runner.ExitFail, "there failed")
	contains(t, "message", got.Message, "ConfigMap ns/a: not found")
}
