package kube

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rehearse-dev/rehearse/sim/clock"
)

// SiteClients are people and the runbook, by the name that LineFault knows clients under. The others are the controller
// managers.
const SiteClients = "site"

// LineEffect is what a LineFault does to a request.
type LineEffect string

const (
	LineSlow     LineEffect = "slow"     // the answer takes Delay longer; of reconciles only: the site's own time is its own
	LineThrottle LineEffect = "throttle" // 429, with Delay as Retry-After
	LineError    LineEffect = "error"    // Status
	LineRefuse   LineEffect = "refuse"   // nobody listens
)

// LineFault is a defect of the management API as its clients see it. It meets requests: watches that stand go on.
type LineFault struct {
	Effect  LineEffect
	Clients []string // empty: all
	Delay   time.Duration
	Status  int // of LineError
	Every   int // meets each so manieth request; 0 or 1: all
	// Hit is told the name of the client, for each request that it meets.
	Hit func(client string)
}

type lineFaults struct {
	mu    sync.Mutex
	armed []*armedLine
}

type armedLine struct {
	LineFault
	requests int
}

// Inject arms a fault until heal is called.
func (l *Line) Inject(f LineFault) (heal func()) {
	a := &armedLine{LineFault: f}
	l.faults.mu.Lock()
	defer l.faults.mu.Unlock()
	l.faults.armed = append(l.faults.armed, a)
	return func() {
		l.faults.mu.Lock()
		defer l.faults.mu.Unlock()
		l.faults.armed = slices.DeleteFunc(l.faults.armed, func(x *armedLine) bool { return x == a })
	}
}

// hit counts a request and returns the fault of these effects that it meets, nil in the usual case.
func (f *lineFaults) hit(client string, of ...LineEffect) *armedLine {
	f.mu.Lock()
	var found *armedLine
	for _, a := range f.armed {
		if !slices.Contains(of, a.Effect) || len(a.Clients) > 0 && !slices.Contains(a.Clients, client) {
			continue
		}
		a.requests++
		if found == nil && a.requests%max(a.Every, 1) == 0 {
			found = a
		}
	}
	f.mu.Unlock()
	if found != nil && found.Hit != nil {
		found.Hit(client)
	}
	return found
}

// retries is how often client-go asks again after a 429 (k8s.io/client-go@v0.35.4 rest/request.go maxRetries).
const retries = 10

// answer is what a reconcile's request gets instead of the API server's answer, nil when it goes through. What client-go
// would sleep in real time, the Retry-After of a 429, passes as site time here.
func (l *Line) answer(client string, r *http.Request) (*http.Response, error) {
	id := l.reconcile(r.Context())
	if id == "" || clock.Streams(r) || r.UserAgent() == Unseen {
		return nil, nil
	}
	if f := l.faults.hit(client, LineSlow); f != nil {
		if err := l.clock.Park(r.Context(), id, f.Delay); err != nil {
			return nil, err
		}
	}
	for try := 0; ; try++ {
		f := l.faults.hit(client, LineThrottle, LineError, LineRefuse)
		switch {
		case f == nil:
			return nil, nil
		case f.Effect == LineRefuse:
			return nil, refusedBy(r.URL)
		case f.Effect == LineError:
			return statusResponse(r, f.Status), nil
		case try == retries:
			return statusResponse(r, http.StatusTooManyRequests), nil
		}
		if err := l.clock.Park(r.Context(), id, f.Delay); err != nil {
			return nil, err
		}
	}
}

// refusedBy is the error of a dial that nobody answers.
func refusedBy(u *url.URL) error {
	a, _ := net.ResolveTCPAddr("tcp", u.Host)
	return &net.OpError{Op: "dial", Net: "tcp", Addr: a, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
}

// texts are what an API server says with a status
// (k8s.io/apimachinery@v0.35.4 pkg/api/errors NewGenericServerResponse; k8s.io/apiserver@v0.35.4 pkg/server/httplog).
var texts = map[int]struct {
	reason  metav1.StatusReason
	message string
}{
	http.StatusTooManyRequests:     {metav1.StatusReasonTooManyRequests, "the server has received too many requests and has asked us to try again later"},
	http.StatusInternalServerError: {metav1.StatusReasonInternalError, "Internal error occurred: etcdserver: request timed out"},
	http.StatusServiceUnavailable:  {metav1.StatusReasonServiceUnavailable, "the server is currently unable to handle the request"},
	http.StatusGatewayTimeout:      {metav1.StatusReasonTimeout, "the server was unable to return a response in the time allotted, but may still be processing the request"},
}

func status(code int) []byte {
	t := texts[code]
	b, err := json.Marshal(metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure,
		Code: int32(code), Reason: t.reason, Message: t.message})
	if err != nil {
		panic(err) // of a struct without surprises
	}
	return b
}

func statusResponse(r *http.Request, code int) *http.Response {
	b := status(code)
	return &http.Response{StatusCode: code, Status: fmt.Sprintf("%d %s", code, http.StatusText(code)), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(string(b))), ContentLength: int64(len(b)), Request: r}
}

// dialled is the header by which serve knows a request that dial has counted already. Nobody else sees it.
const dialled = "Rehearse-Dialled"

// serve answers a request of people or the runbook in the API server's stead, and tells whether it did.
func (l *Line) serve(w http.ResponseWriter, r *http.Request) bool {
	of := []LineEffect{LineThrottle, LineError, LineRefuse}
	if r.Header.Get(dialled) != "" {
		of = of[:2]
		r.Header.Del(dialled)
	}
	if clock.Streams(r) || r.UserAgent() == Unseen {
		return false
	}
	f := l.faults.hit(SiteClients, of...)
	if f == nil {
		return false
	}
	code := f.Status
	switch f.Effect {
	case LineRefuse: // of another process: those of ours have not come so far
		panic(http.ErrAbortHandler)
	case LineThrottle:
		code = http.StatusTooManyRequests
		w.Header().Set("Retry-After", fmt.Sprint(max(int(f.Delay/time.Second), 1)))
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(status(code)) // the client has gone, and wants no answer
	return true
}

// dial refuses the requests of the site's clients in this process as if nobody listened. It fits
// rest.Config.WrapTransport.
func (l *Line) dial(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if clock.Streams(r) || r.UserAgent() == Unseen {
			return next.RoundTrip(r)
		}
		if l.faults.hit(SiteClients, LineRefuse) != nil {
			closeBody(r)
			return nil, refusedBy(r.URL)
		}
		r = r.Clone(r.Context()) // a round tripper leaves its request as it is
		r.Header.Set(dialled, "yes")
		return next.RoundTrip(r)
	})
}

func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
}
