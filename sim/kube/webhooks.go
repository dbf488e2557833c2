package kube

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
)

// WebhookServer is where this process serves admission and conversion. It listens from the start, since the definitions
// on the API server name its port; a request that comes before it is served waits. It is a webhook.Server: the one of
// controller-runtime opens its port itself, and by then another process may have it.
type WebhookServer struct {
	listener    net.Listener
	certificate tls.Certificate
	ca          []byte // PEM
	mux         *http.ServeMux
	carried     map[string][]string // fields that upstream's conversion does not know, by kind
}

// NewWebhookServer listens. The definitions will name ca as the one to trust.
func NewWebhookServer(ca *CA) (*WebhookServer, error) {
	crt, err := ca.TLS(Leaf{CommonName: "webhook", DNS: []string{"localhost"}, IPs: loopback})
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("webhook server: %w", err)
	}
	return &WebhookServer{listener: l, certificate: crt, ca: ca.PEM, mux: http.NewServeMux()}, nil
}

// Address is host:port.
func (s *WebhookServer) Address() string { return s.listener.Addr().String() }

// NeedLeaderElection is false: there is no other.
func (s *WebhookServer) NeedLeaderElection() bool { return false }

// Register serves a path, before Start.
func (s *WebhookServer) Register(path string, hook http.Handler) {
	if path == convertPath {
		hook = carry(s.carried, hook)
	}
	s.mux.Handle(path, hook)
}

// WebhookMux is what Register registers with.
func (s *WebhookServer) WebhookMux() *http.ServeMux { return s.mux }

// StartedChecker always finds the server started: a request that is early waits.
func (s *WebhookServer) StartedChecker() healthz.Checker {
	return func(*http.Request) error { return nil }
}

// Start serves until ctx ends.
func (s *WebhookServer) Start(ctx context.Context) error {
	server := &http.Server{Handler: s.mux, ReadHeaderTimeout: 30 * time.Second, ErrorLog: log.New(io.Discard, "", 0),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{s.certificate}, MinVersion: tls.VersionTLS12}}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	err := server.ServeTLS(s.listener, "", "")
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("webhook server on %s: %w", s.Address(), err)
}

// Close gives the port back where Start was never called.
func (s *WebhookServer) Close() { _ = s.listener.Close() }

// sameMapper lets two managers share one RESTMapper: discovery of all groups is not free.
func sameMapper(m manager.Manager) func(*rest.Config, *http.Client) (meta.RESTMapper, error) {
	return func(*rest.Config, *http.Client) (meta.RESTMapper, error) { return m.GetRESTMapper(), nil }
}
