package kube

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// lines reads what comes, a line at a time.
func lines(r io.Reader) <-chan string {
	c := make(chan string)
	go func() {
		defer close(c)
		for s := bufio.NewScanner(r); s.Scan(); {
			c <- s.Text()
		}
	}()
	return c
}

// next waits for a line; the timer is real, and only ends a test that has failed.
func next(t *testing.T, c <-chan string) string {
	t.Helper()
	end := time.NewTimer(20 * time.Second)
	defer end.Stop()
	select {
	case s := <-c:
		return s
	case <-end.C:
		t.Fatal("no event within 20s")
		return ""
	}
}

func TestEventsOfAWatchComeLateAndInOrder(t *testing.T) {
	l := newLined(t)
	l.kinds["machines.cluster.x-k8s.io"] = machines.Spec.Names.Kind
	in, out := io.Pipe()
	rt := l.Watch(roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: in}, nil
	}))
	resp, err := rt.RoundTrip(httptest.NewRequest(http.MethodGet, "/apis/cluster.x-k8s.io/v1beta2/machines?watch=true", nil))
	if err != nil {
		t.Fatal(err)
	}
	send := func(text string) {
		t.Helper()
		if _, err := out.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	got := lines(resp.Body)
	const bookmark = `{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}}`
	send(`{"type":"MODIFIED","a":1}` + "\n" + `{"type":"MODIFIED","b"`)
	if s := next(t, got); s != `{"type":"MODIFIED","a":1}` {
		t.Errorf("before: got %s", s)
	}
	hit := make(chan string, 10)
	heal := l.DelayWatches(WatchDelay{Kind: "Machine", Delay: time.Minute, Hit: func(kind string) { hit <- kind }})
	done := l.clock.Busy("the test")
	from := l.clock.Elapsed()
	send(`:2}` + "\n" + bookmark + "\n" + `{"type":"MODIFIED","c":3}` + "\n")
	if s := next(t, got); s != `{"type":"MODIFIED","b":2}` {
		t.Errorf("the end of what had begun: got %s", s)
	}
	send(`{"type":"MODIFIED","d":4}` + "\n")
	for range 2 {
		if kind := next(t, hit); kind != "Machine" {
			t.Errorf("told of %s, want Machine", kind)
		}
	}
	done()
	for _, want := range []string{bookmark, `{"type":"MODIFIED","c":3}`, `{"type":"MODIFIED","d":4}`} {
		if s := next(t, got); s != want || l.clock.Elapsed()-from != time.Minute {
			t.Errorf("got %s after %s, want %s after 1m0s", s, l.clock.Elapsed()-from, want)
		}
	}
	if len(hit) != 0 {
		t.Errorf("told of %d events more: a bookmark is no change", len(hit))
	}
	done = l.clock.Busy("the test")
	defer done()
	send(`{"type":"MODIFIED","e":5}` + "\n")
	next(t, hit)
	heal()
	if s := next(t, got); s != `{"type":"MODIFIED","e":5}` || l.clock.Elapsed()-from != time.Minute {
		t.Errorf("healed: got %s after %s, want it at once", s, l.clock.Elapsed()-from)
	}
	send(`{"type":"MODIFIED","f":6}` + "\n")
	if s := next(t, got); s != `{"type":"MODIFIED","f":6}` {
		t.Errorf("afterwards: got %s", s)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	if s, more := <-got; more {
		t.Errorf("the end: got %s", s)
	}
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
}

// TestAllWatchesOfAKindSeeAChangeAtOnce: a stream that reads it later, when site time has moved on, lets it through with
// the others. Else the clock would wait for one that waits for the clock.
func TestAllWatchesOfAKindSeeAChangeAtOnce(t *testing.T) {
	l := newLined(t)
	l.kinds["machines.cluster.x-k8s.io"] = machines.Spec.Names.Kind
	type watch struct {
		*io.PipeWriter
		got <-chan string
	}
	open := func() watch {
		in, out := io.Pipe()
		resp, err := l.Watch(roundTripper(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: in}, nil
		})).RoundTrip(httptest.NewRequest(http.MethodGet, "/apis/cluster.x-k8s.io/v1beta2/machines?watch=true", nil))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = resp.Body.Close() })
		return watch{out, lines(resp.Body)}
	}
	early, late := open(), open()
	hit := make(chan string, 10)
	heal := l.DelayWatches(WatchDelay{Kind: "Machine", Delay: time.Minute, Hit: func(kind string) { hit <- kind }})
	defer heal()
	const change = `{"type":"MODIFIED","object":{"metadata":{"namespace":"ns","name":"a","resourceVersion":"7"}}}`
	begin := l.clock.Elapsed()
	done := l.clock.Busy("the test")
	if _, err := early.Write([]byte(change + "\n")); err != nil {
		t.Fatal(err)
	}
	next(t, hit)
	moved := make(chan struct{})
	l.clock.After("the test", 20*time.Second, func() {
		done = l.clock.Busy("the test")
		close(moved)
	})
	done()
	<-moved
	if _, err := late.Write([]byte(change + "\n")); err != nil {
		t.Fatal(err)
	}
	next(t, hit)
	done()
	for name, w := range map[string]watch{"early": early, "late": late} {
		if s := next(t, w.got); s != change || l.clock.Elapsed()-begin != time.Minute {
			t.Errorf("%s: got %s after %s, want it after 1m0s", name, s, l.clock.Elapsed()-begin)
		}
	}
}
