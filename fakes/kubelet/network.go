package kubelet

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Port is where kubelets listen.
const Port = "10250"

// NetworkConfig of a Network.
type NetworkConfig struct {
	Certificate tls.Certificate // of the proxy and of the kubelets
	ClientCAs   *x509.CertPool  // who may connect: the API server
	// Dial connects to a port of a pod that runs on node; its error is what the caller of a port-forward reads. It is
	// not asked for pods whose containers fail.
	Dial func(ctx context.Context, node, namespace, pod string, port int32) (net.Conn, error)
}

// Network is the network that the nodes of one cluster are in. The real API server dials a node through its egress
// selector, an HTTP CONNECT proxy that we serve, so nodes have realistic addresses although nothing listens on them,
// and every connection is ours to refuse. All methods may be called from any goroutine.
type Network struct {
	cfg  NetworkConfig
	lis  net.Listener
	kub  *handover
	http *http.Server
	wg   sync.WaitGroup

	mu      sync.Mutex
	hosts   map[string]*host // by address
	conns   map[net.Conn]*host
	failing func(namespace, pod string) bool // nil: no pod fails
}

type host struct {
	node      string
	listening bool // a kubelet runs there
	reachable bool
}

// NewNetwork starts the proxy on 127.0.0.1.
func NewNetwork(c NetworkConfig) (*Network, error) {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("node network: %w", err)
	}
	n := &Network{cfg: c, hosts: map[string]*host{}, conns: map[net.Conn]*host{}, kub: newHandover(lis.Addr())}
	mutual := &tls.Config{Certificates: []tls.Certificate{c.Certificate}, ClientCAs: c.ClientCAs,
		ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12}
	n.lis = tls.NewListener(lis, mutual)
	n.http = &http.Server{Handler: http.HandlerFunc(n.serve), TLSConfig: mutual.Clone(), ReadHeaderTimeout: time.Minute,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, nodeKey{}, nodeOf(c))
		}}
	n.wg.Go(n.accept)
	n.wg.Go(func() { _ = n.http.ServeTLS(n.kub, "", "") })
	return n, nil
}

// URL is the proxy's, for the egress selector.
func (n *Network) URL() string { return "https://" + n.lis.Addr().String() }

// Close cuts all connections and returns when the goroutines have ended.
func (n *Network) Close() {
	_ = n.lis.Close()
	_ = n.kub.Close()
	_ = n.http.Close()
	n.mu.Lock()
	for c := range n.conns {
		_ = c.Close()
	}
	n.mu.Unlock()
	n.wg.Wait()
}

// join puts a node on the network; leave takes it off.
func (n *Network) join(node, ip string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hosts[ip] = &host{node: node, listening: true, reachable: true}
}

func (n *Network) leave(ip string) {
	n.set(ip, func(h *host) { delete(n.hosts, ip); h.reachable = false })
}

func (n *Network) listen(ip string, on bool) { n.set(ip, func(h *host) { h.listening = on }) }
func (n *Network) reach(ip string, on bool)  { n.set(ip, func(h *host) { h.reachable = on }) }

// watchFailures lets connections into failing pods be refused.
func (n *Network) watchFailures(failing func(namespace, pod string) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.failing = failing
}

func (n *Network) refuses(namespace, pod string) bool {
	n.mu.Lock()
	failing := n.failing
	n.mu.Unlock()
	return failing != nil && failing(namespace, pod)
}

// set changes a host and cuts its connections if it no longer answers.
func (n *Network) set(ip string, do func(*host)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	h := n.hosts[ip]
	if h == nil {
		return
	}
	do(h)
	if h.listening && h.reachable {
		return
	}
	for c, of := range n.conns {
		if of == h {
			_ = c.Close()
		}
	}
}

func (n *Network) accept() {
	for {
		c, err := n.lis.Accept()
		if err != nil {
			return
		}
		n.wg.Go(func() { n.connect(c) })
	}
}

// connect answers one CONNECT and hands the tunnel to the kubelet's server. A host that does not answer is reported at
// once: the caller would wait in real time for what it is going to be told anyway.
func (n *Network) connect(c net.Conn) {
	n.mu.Lock()
	n.conns[c] = nil // closed by Close
	n.mu.Unlock()
	refuse := func(status string) {
		_, _ = fmt.Fprintf(c, "HTTP/1.1 %s\r\n\r\n", status)
		n.drop(c)
	}
	req, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil || req.Method != http.MethodConnect {
		refuse("400 want CONNECT")
		return
	}
	ip, port, _ := net.SplitHostPort(req.URL.Host)
	n.mu.Lock()
	h := n.hosts[ip]
	status := "200 Connection established"
	switch {
	case h == nil:
		status = "502 connect: no route to host"
	case !h.reachable:
		status = "504 i/o timeout"
	case port != Port || !h.listening:
		status = "502 connect: connection refused"
	default:
		n.conns[c] = h
	}
	n.mu.Unlock()
	if status[:3] != "200" {
		refuse(status)
		return
	}
	if _, err := fmt.Fprintf(c, "HTTP/1.1 %s\r\n\r\n", status); err != nil {
		n.drop(c)
		return
	}
	n.kub.give(&tunnel{Conn: c, node: h.node, closed: func() { n.drop(c) }})
}

func (n *Network) drop(c net.Conn) {
	n.mu.Lock()
	delete(n.conns, c)
	n.mu.Unlock()
	_ = c.Close()
}

// tunnel is a connection to a kubelet that knows to whose.
type tunnel struct {
	net.Conn
	node   string
	closed func()
}

func (t *tunnel) Close() error { t.closed(); return nil }

type nodeKey struct{}

// nodeOf is the node that a connection of the kubelet's server was made to.
func nodeOf(c net.Conn) string {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	if t, ok := c.(*tunnel); ok {
		return t.node
	}
	return ""
}

// handover is a listener that is given its connections.
type handover struct {
	addr net.Addr
	ch   chan net.Conn
	done chan struct{}
	once sync.Once
}

func newHandover(addr net.Addr) *handover {
	return &handover{addr: addr, ch: make(chan net.Conn), done: make(chan struct{})}
}

func (h *handover) give(c net.Conn) {
	select {
	case h.ch <- c:
	case <-h.done:
		_ = c.Close()
	}
}

func (h *handover) Accept() (net.Conn, error) {
	select {
	case c := <-h.ch:
		return c, nil
	case <-h.done:
		return nil, net.ErrClosed
	}
}

func (h *handover) Close() error   { h.once.Do(func() { close(h.done) }); return nil }
func (h *handover) Addr() net.Addr { return h.addr }
