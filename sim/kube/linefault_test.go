package kube

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/rehearse-dev/rehearse/sim/clock"
)

// lined is a line to a server that always answers, and a clock that runs free.
type lined struct {
	*Line
	clock  *clock.Clock
	server *httptest.Server
	served int
}

func newLined(t *testing.T) *lined {
	t.Helper()
	l := &lined{clock: clock.New(clock.Options{})}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); l.clock.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	l.Line = NewLine(l.clock, nil, nil)
	l.reconcile = func(context.Context) string { return "r-1" }
	l.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		l.served++
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"kind":"Secret","apiVersion":"v1","metadata":{"name":"a"}}`))
	}))
	t.Cleanup(l.server.Close)
	return l
}

// get asks for a Secret as a reconcile of a provider does, and returns the site time that it took.
func (l *lined) get(t *testing.T, provider string) (took time.Duration, err error) {
	t.Helper()
	c, err := kubernetes.NewForConfig(&rest.Config{Host: l.server.URL, QPS: -1, WrapTransport: l.Wrap(provider)})
	if err != nil {
		t.Fatal(err)
	}
	q := l.clock.ControllerOptions(1, 0, clock.Hang{}).NewQueue("q", workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
	defer q.ShutDown()
	key := reconcile.Request{}
	q.Add(key)
	q.Get()
	defer q.Done(key)
	from := l.clock.Elapsed()
	_, err = c.CoreV1().Secrets("ns").Get(context.Background(), "a", metav1.GetOptions{})
	return l.clock.Elapsed() - from, err
}

func TestTheLineDelaysAndRefusesReconciles(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault LineFault
		took  time.Duration
		err   func(error) bool
		calls int // that reached the server
	}{
		{"slow", LineFault{Effect: LineSlow, Delay: 7 * time.Second}, 7 * time.Second, func(err error) bool { return err == nil }, 1},
		{"throttled for good", LineFault{Effect: LineThrottle, Delay: time.Second}, 10 * time.Second, apierrors.IsTooManyRequests, 0},
		{"an error", LineFault{Effect: LineError, Status: 503}, 0, apierrors.IsServiceUnavailable, 0},
		{"refused", LineFault{Effect: LineRefuse}, 0, func(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }, 0},
		{"another client's", LineFault{Effect: LineRefuse, Clients: []string{SiteClients, "infrastructure-vsphere"}}, 0, func(err error) bool { return err == nil }, 1},
		{"every other", LineFault{Effect: LineError, Status: 500, Every: 2}, 0, func(err error) bool { return err == nil }, 1},
	} {
		l := newLined(t)
		heal := l.Inject(c.fault)
		took, err := l.get(t, "cluster-api")
		if took != c.took || !c.err(err) || l.served != c.calls {
			t.Errorf("%s: got %v after %s and %d calls, want %s and %d calls", c.name, err, took, l.served, c.took, c.calls)
		}
		heal()
		if _, err := l.get(t, "cluster-api"); err != nil {
			t.Errorf("%s: healed: %v", c.name, err)
		}
	}
}

func TestAThrottledReconcileGoesOnWhenItIsLetThrough(t *testing.T) {
	l := newLined(t)
	var hit []string
	var heal func()
	heal = l.Inject(LineFault{Effect: LineThrottle, Delay: 2 * time.Second, Hit: func(client string) {
		if hit = append(hit, client); len(hit) == 3 {
			heal()
		}
	}})
	took, err := l.get(t, "cluster-api")
	if err != nil || took != 6*time.Second || !slices.Equal(hit, []string{"cluster-api", "cluster-api", "cluster-api"}) {
		t.Errorf("got %v after %s, hit %q, want an answer after three tries of 2s", err, took, hit)
	}
}

func TestTheLineAnswersTheSiteInTheServersStead(t *testing.T) {
	l := newLined(t)
	ask := func(agent, url string) *httptest.ResponseRecorder {
		r, w := httptest.NewRequest(http.MethodGet, url, nil), httptest.NewRecorder()
		r.Header.Set("User-Agent", agent)
		if !l.serve(w, r) {
			w.Code = 0
		}
		return w
	}
	defer l.Inject(LineFault{Effect: LineThrottle, Delay: 3 * time.Second})()
	w := ask("kubectl", "/api/v1/secrets")
	if body, _ := io.ReadAll(w.Body); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "3" || !strings.Contains(string(body), "too many requests") {
		t.Errorf("got %d, %v, %s, want a 429 with Retry-After: 3", w.Code, w.Header(), body)
	}
	if w := ask("kubectl", "/api/v1/secrets?watch=true"); w.Code != 0 {
		t.Errorf("a watch: got %d, want it to go through", w.Code)
	}
	if w := ask(Unseen, "/api/v1/secrets"); w.Code != 0 {
		t.Errorf("a client of the twin's own: got %d, want it to go through", w.Code)
	}
}

func TestNobodyListensForTheSite(t *testing.T) {
	l := newLined(t)
	heal := l.Inject(LineFault{Effect: LineRefuse, Clients: []string{SiteClients}})
	c := &http.Client{Transport: l.dial(http.DefaultTransport)}
	if _, err := c.Get(l.server.URL); !errors.Is(err, syscall.ECONNREFUSED) || !strings.Contains(err.Error(), "connect: connection refused") {
		t.Errorf("got %v, want connection refused", err)
	}
	heal()
	if resp, err := c.Get(l.server.URL); err != nil {
		t.Errorf("healed: %v", err)
	} else {
		_ = resp.Body.Close()
	}
}

// A request of this process is seen where it is sent and where it arrives, and counts once.
func TestEveryOtherRequestOfTheSiteIsRefused(t *testing.T) {
	l := newLined(t)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !l.serve(w, r) && r.Header.Get(dialled) != "" {
			t.Errorf("the API server gets the header %s", dialled)
		}
	}))
	defer front.Close()
	hits := 0
	defer l.Inject(LineFault{Effect: LineRefuse, Every: 2, Hit: func(string) { hits++ }})()
	c := &http.Client{Transport: l.dial(http.DefaultTransport)}
	var got []bool
	for range 4 {
		resp, err := c.Get(front.URL)
		got = append(got, errors.Is(err, syscall.ECONNREFUSED))
		if err == nil {
			_ = resp.Body.Close()
		}
	}
	if want := []bool{false, true, false, true}; !slices.Equal(got, want) || hits != 2 {
		t.Errorf("refused: got %v and %d hits, want %v", got, hits, want)
	}
}
