package kube

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"testing"

	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
)

// forwarded is the local port that is forwarded to a port of a pod, through the real API server.
func (w *world) forwarded(t *testing.T, pod string, port int) uint16 {
	t.Helper()
	rt, up, err := spdy.RoundTripperFor(w.Admin)
	w.must(err)
	url := w.c.CoreV1().RESTClient().Post().Resource("pods").Namespace("kube-system").Name(pod).
		SubResource("portforward").URL()
	stop, ready := make(chan struct{}), make(chan struct{})
	f, err := portforward.NewOnAddresses(spdy.NewDialer(up, &http.Client{Transport: rt}, http.MethodPost, url),
		[]string{"127.0.0.1"},
		[]string{fmt.Sprintf("0:%d", port)}, stop, ready, io.Discard, io.Discard)
	w.must(err)
	ended := make(chan error, 1)
	go func() { ended <- f.ForwardPorts() }()
	t.Cleanup(func() { close(stop); <-ended })
	select {
	case <-ready:
	case err := <-ended:
		ended <- err
		t.Fatalf("port-forward to %s: %v", pod, err)
	}
	l, err := f.GetPorts()
	w.must(err)
	return l[0].Local
}

func (w *world) forward(t *testing.T) {
	pair, err := w.etcdCA.TLS(Leaf{CommonName: "client"})
	w.must(err)
	for _, c := range []struct {
		pod  string
		port int
		want string
	}{{"etcd-cp-1", 2379, "cp-1"}, {"kube-apiserver-cp-1", 6443, "kube-apiserver"}} {
		dialer := &tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{pair}}}
		conn, err := dialer.DialContext(deadline(t, patient), "tcp",
			fmt.Sprintf("127.0.0.1:%d", w.forwarded(t, c.pod, c.port)))
		if err != nil {
			t.Errorf("%s: %v", c.pod, err)
			continue
		}
		if got := conn.(*tls.Conn).ConnectionState().PeerCertificates[0].Subject.CommonName; got != c.want {
			t.Errorf("%s: got the certificate of %q, want that of %q", c.pod, got, c.want)
		}
		_ = conn.Close()
	}
}
