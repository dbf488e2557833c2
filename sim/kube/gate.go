package kube

import (
	"io"
	"net"
	"sync"
)

// GateMode is what a Gate does with bytes.
type GateMode int

const (
	GateOpen   GateMode = iota
	GateStall           // connections stay up and no byte moves: a black hole
	GateClosed          // connections are reset, new ones too: nobody listens
)

// Gate is a TCP proxy with a fault switch. One in front of each workload API server plays the load balancer of the
// control plane endpoint; one between the API server and its etcd can take the storage away.
//
// A client that hits a stalled gate waits in real time; site time stands still meanwhile if the client counts as work.
type Gate struct {
	lis  net.Listener
	home func() (net.Conn, error)
	wg   sync.WaitGroup

	mu    sync.Mutex
	moved *sync.Cond // mode changed
	mode  GateMode
	dial  func() (net.Conn, error)
	conns map[net.Conn]bool
}

// NewGate proxies what l accepts to the connections of dial. It owns l.
func NewGate(l net.Listener, dial func() (net.Conn, error)) *Gate {
	g := &Gate{lis: l, home: dial, dial: dial, conns: map[net.Conn]bool{}}
	g.moved = sync.NewCond(&g.mu)
	g.wg.Go(g.serve)
	return g
}

// Addr is where the gate listens, as host:port.
func (g *Gate) Addr() string { return g.lis.Addr().String() }

// Set switches the mode, for old connections and new ones.
func (g *Gate) Set(m GateMode) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.mode = m
	if m == GateClosed {
		g.resetLocked()
	}
	g.moved.Broadcast()
}

// Reroute resets the connections and sends new ones to dial; nil is the way back home.
func (g *Gate) Reroute(dial func() (net.Conn, error)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if dial == nil {
		dial = g.home
	}
	g.dial = dial
	g.resetLocked()
}

// Close resets everything and returns when the gate's goroutines have ended.
func (g *Gate) Close() {
	_ = g.lis.Close()
	g.Set(GateClosed)
	g.wg.Wait()
}

func (g *Gate) resetLocked() {
	for c := range g.conns {
		_ = c.Close()
	}
}

func (g *Gate) serve() {
	for {
		c, err := g.lis.Accept()
		if err != nil {
			return
		}
		g.wg.Go(func() { g.handle(c) })
	}
}

// pass blocks while the gate stalls. It tells whether the gate is open.
func (g *Gate) pass() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.mode == GateStall {
		g.moved.Wait()
	}
	return g.mode == GateOpen
}

func (g *Gate) handle(c net.Conn) {
	defer c.Close()
	if !g.pass() {
		return
	}
	g.mu.Lock()
	dial := g.dial
	g.conns[c] = true
	g.mu.Unlock()
	defer g.forget(c)
	u, err := dial()
	if err != nil {
		return
	}
	defer u.Close()
	g.mu.Lock()
	g.conns[u] = true
	stale := g.mode == GateClosed
	g.mu.Unlock()
	defer g.forget(u)
	if stale {
		return
	}
	var pumps sync.WaitGroup
	pumps.Go(func() { g.pump(u, c) })
	g.pump(c, u)
	pumps.Wait()
}

func (g *Gate) forget(c net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.conns, c)
}

// pump copies until src ends. An end of stream is passed on; anything else cuts both directions.
func (g *Gate) pump(dst, src net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := src.Read(buf)
		if n > 0 {
			if !g.pass() {
				break
			}
			if _, err := dst.Write(buf[:n]); err != nil {
				break
			}
		}
		if half, ok := dst.(interface{ CloseWrite() error }); err == io.EOF && ok {
			_ = half.CloseWrite()
			return
		}
		if err != nil {
			break
		}
	}
	_ = dst.Close()
	_ = src.Close()
}

// dialTo dials a TCP address.
func dialTo(addr string) func() (net.Conn, error) {
	return func() (net.Conn, error) { return net.Dial("tcp", addr) }
}
