package kubelet

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func newTestNetwork(t *testing.T) (*Network, *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true,
		BasicConstraintsValid: true,
		NotBefore:             time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	pair := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	n, err := NewNetwork(NetworkConfig{Certificate: pair, ClientCAs: pool,
		Dial: func(context.Context, string, string, string, int32) (net.Conn, error) {
			return nil, errors.New("not here")
		}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n, &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{pair}, ServerName: "127.0.0.1"}
}

// connect asks for a tunnel as the API server's egress selector does and returns it with the proxy's answer.
func connect(t *testing.T, n *Network, cfg *tls.Config, to string) (net.Conn, string) {
	t.Helper()
	c, err := tls.Dial("tcp", strings.TrimPrefix(n.URL(), "https://"), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	fmt.Fprintf(c, "CONNECT %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", to)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	return c, resp.Status
}

// get asks a kubelet through a tunnel.
func get(t *testing.T, c net.Conn, cfg *tls.Config, path string) string {
	t.Helper()
	hc := &http.Client{Transport: &http.Transport{TLSClientConfig: cfg,
		DialContext: func(context.Context, string, string) (net.Conn, error) { return c, nil }}}
	defer hc.CloseIdleConnections()
	resp, err := hc.Get("https://127.0.0.1:10250" + path)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(resp.StatusCode, " ", strings.TrimSpace(string(b)))
}

func TestTheNetworkKnowsWhoAnswers(t *testing.T) {
	n, cfg := newTestNetwork(t)
	n.join("up", "10.0.0.1")
	n.join("silent", "10.0.0.2")
	n.reach("10.0.0.2", false)
	n.join("stopped", "10.0.0.3")
	n.listen("10.0.0.3", false)
	n.join("gone", "10.0.0.4")
	n.leave("10.0.0.4")
	for to, want := range map[string]string{
		"10.0.0.1:10250": "200 Connection established", "10.0.0.1:22": "502 connect: connection refused",
		"10.0.0.2:10250": "504 i/o timeout",
		"10.0.0.3:10250": "502 connect: connection refused", "10.0.0.4:10250": "502 connect: no route to host",
	} {
		if _, got := connect(t, n, cfg, to); got != want {
			t.Errorf("%s: got %q, want %q", to, got, want)
		}
	}
}

func TestAKubeletAnswersThroughTheTunnel(t *testing.T) {
	n, cfg := newTestNetwork(t)
	n.join("md-1", "10.0.0.1")
	for path, want := range map[string]string{
		"/healthz":                "200 ok",
		"/containerLogs/ns/p/web": "200 container web of pod ns/p on node md-1 is simulated and writes no log",
		"/exec/ns/p/web":          "501 exec: the containers of a twin are simulated and run no commands",
		"/metrics":                "404 404 page not found",
	} {
		c, _ := connect(t, n, cfg, "10.0.0.1:10250")
		if got := get(t, c, cfg, path); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

func TestANodeThatFallsSilentLosesItsConnections(t *testing.T) {
	n, cfg := newTestNetwork(t)
	n.join("md-1", "10.0.0.1")
	c, _ := connect(t, n, cfg, "10.0.0.1:10250")
	n.reach("10.0.0.1", false)
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the end of the connection", err)
	}
}

func TestStrangersAreNotLetIn(t *testing.T) {
	n, cfg := newTestNetwork(t)
	cfg.Certificates = nil
	c, err := tls.Dial("tcp", strings.TrimPrefix(n.URL(), "https://"), cfg)
	if err == nil {
		defer c.Close()
		_, err = c.Read(make([]byte, 1))
	}
	if err == nil {
		t.Error("a client without a certificate is served")
	}
}
