package kubelet

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rehearse-dev/rehearse/fakes/fakekit/fakeclock"
)

// tokens is a clock that counts who is busy.
type tokens struct {
	*fakeclock.Clock
	held atomic.Int32
}

func (c *tokens) Busy(what string) func() {
	c.held.Add(1)
	done := c.Clock.Busy(what)
	return func() { c.held.Add(-1); done() }
}

// api answers every request with one body.
func api(t *testing.T, status int, body string) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(s.Close)
	return s
}

func seenPod(version string, change func(*corev1.Pod)) *corev1.Pod {
	return pod(func(p *corev1.Pod) {
		p.ResourceVersion = version
		if change != nil {
			change(p)
		}
	})
}

func TestSiteTimeWaitsForAWriteToBeSeen(t *testing.T) {
	body := func(version string, more string) string {
		return fmt.Sprintf(`{"kind":"Pod","metadata":{"namespace":"ns","name":"p","resourceVersion":%q%s}}`, version,
			more)
	}
	end := func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{Time: time.Now()} }
	const of = "/api/v1/namespaces/ns/pods/p"
	for name, c := range map[string]struct {
		method, path string
		status       int
		reply        string
		before       *corev1.Pod
		waits        bool
		then         *corev1.Pod // what the watch shows afterwards
		gone         bool        // as a deletion
	}{
		"an update": {"PUT", of + "/status", 200, body("7", ""), seenPod("5", nil), true,
			seenPod("7", nil), false},
		"an update seen later": {"PATCH", of, 200, body("7", ""), seenPod("5", nil), true, seenPod("9", nil), false},
		"a creation": {"POST", "/api/v1/namespaces/ns/pods", 201, body("7", ""), nil, true,
			seenPod("7", nil), false},
		"no change": {"PUT", of, 200, body("5", ""), seenPod("5", nil), false, nil, false},
		"a refusal": {"PUT", of, 409, `{"kind":"Status"}`, seenPod("5", nil), false, nil, false},
		"a read":    {"GET", of, 200, body("7", ""), seenPod("5", nil), false, nil, false},
		"another kind": {"PUT", "/api/v1/namespaces/ns/configmaps/p", 200, body("7", ""), nil, false, nil,
			false},
		"a graceful deletion": {"DELETE", of, 200, body("7", `,"deletionGracePeriodSeconds":30`), seenPod("5", nil),
			true, seenPod("7", end), false},
		"asked to end twice": {"DELETE", of, 200, body("5", `,"deletionGracePeriodSeconds":30`), seenPod("5", end),
			false, nil, false},
		"a deletion at once": {"DELETE", of, 200, body("5", `,"deletionGracePeriodSeconds":0`), seenPod("5", nil),
			true, seenPod("8", nil), true},
		"a deletion with Status": {"DELETE", of, 200, `{"kind":"Status","status":"Success"}`, seenPod("5", nil), true,
			seenPod("8", nil), true},
		"an eviction": {"POST", of + "/eviction", 201, `{"kind":"Status","status":"Success"}`,
			seenPod("5", nil), true, seenPod("8", end), false},
		"an eviction of the same": {"POST", of + "/eviction", 201, `{"kind":"Status","status":"Success"}`,
			seenPod("5", end), false, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			clock := &tokens{Clock: fakeclock.New()}
			b := newBarrier(clock)
			if c.before != nil {
				b.saw("pods", c.before, false)
			}
			r, err := http.NewRequest(c.method, api(t, c.status, c.reply).URL+c.path, strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := b.WrapTransport(http.DefaultTransport).RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(resp.Body)
			if err != nil || string(got) != c.reply {
				t.Errorf("reply: got %s, %v, want %s", got, err, c.reply)
			}
			if held := clock.held.Load() == 1; held != c.waits {
				t.Fatalf("waits: got %v, want %v", held, c.waits)
			}
			if c.then != nil {
				b.saw("pods", c.then, c.gone)
			}
			if n := clock.held.Load(); n != 0 {
				t.Errorf("after the watch: %d tokens are held", n)
			}
		})
	}
}

func TestAWatchThatIsFasterThanTheReply(t *testing.T) {
	clock := &tokens{Clock: fakeclock.New()}
	b := newBarrier(clock)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		b.saw("nodes", &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n", ResourceVersion: "7"}}, false)
		_, _ = io.WriteString(w, `{"kind":"Node","metadata":{"name":"n","resourceVersion":"7"}}`)
	}))
	defer s.Close()
	r, err := http.NewRequest(http.MethodPut, s.URL+"/api/v1/nodes/n", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.WrapTransport(http.DefaultTransport).RoundTrip(r); err != nil || clock.held.Load() != 0 {
		t.Errorf("got %v with %d tokens, want none", err, clock.held.Load())
	}
}

func TestSettleHoldsSiteTimeAfterAnEvent(t *testing.T) {
	clock := &tokens{Clock: fakeclock.New()}
	var unfinished atomic.Bool
	unfinished.Store(true)
	asked := make(chan struct{}, 1000)
	s := &settle{clock: clock, unfinished: func() bool { asked <- struct{}{}; return unfinished.Load() }}
	s.event()
	s.event()
	if n := clock.held.Load(); n != 1 {
		t.Errorf("after two events: got %d tokens, want 1", n)
	}
	<-asked
	<-asked
	if n := clock.held.Load(); n != 1 {
		t.Errorf("while something is unfinished: got %d tokens, want 1", n)
	}
	unfinished.Store(false)
	clock.Settle()
	if n := clock.held.Load(); n != 0 {
		t.Errorf("when all is done: got %d tokens, want none", n)
	}
	s.event()
	s.stop()
	if n := clock.held.Load(); n != 0 {
		t.Errorf("after stop: got %d tokens, want none", n)
	}
}
