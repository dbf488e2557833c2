package kube

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"testing"
)

func TestARequestThatComesBeforeTheWebhookServerIsServedWaits(t *testing.T) {
	ca, err := NewCA("webhook-ca")
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewWebhookServer(ca)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.ca)
	type reply struct {
		text string
		err  error
	}
	got := make(chan reply, 1)
	connected := make(chan struct{})
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	go func() {
		close(connected)
		r, err := c.Get("https://" + s.Address() + "/here")
		if err != nil {
			got <- reply{"", err}
			return
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		got <- reply{string(b), err}
	}()
	<-connected
	s.Register("/here", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "admitted") }))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Start(ctx) }()
	if r := <-got; r.err != nil || r.text != "admitted" {
		t.Errorf("early request: got %q, %v, want it served", r.text, r.err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("end: got %v, want none", err)
	}
}
