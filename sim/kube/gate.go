package kube

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// GateMode is what a Gate does with bytes.
type GateMode int

const (
	GateOpen   GateMode = iota
	GateClosed          // connections are reset, and new ones refused: nobody listens
)

// Gate is a TCP proxy with a fault switch. One in front of each workload API server plays the load balancer of the
// control plane endpoint; one between the API server and its etcd can take the storage away. It is never silent: a client
// that waits for an answer does so in real time, in which site time would stand still.
type Gate struct {
	lis  net.Listener
	home func() (net.Conn, error)
	wg   sync.WaitGroup

	mu    sync.Mutex
	moved *sync.Cond // mode or ended changed
	mode  GateMode
	deaf  bool // the socket has the port and does not listen
	ended bool
	// closings counts how often it was deaf.
	closings int
	dial     func() (net.Conn, error)
	conns    map[net.Conn]bool
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

// Set switches the mode, for old connections and new ones. An error says that the gate does not listen any more.
func (g *Gate) Set(m GateMode) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.mode = m
	if m == GateClosed {
		g.resetLocked()
	}
	defer g.moved.Broadcast()
	deaf := m == GateClosed
	if deaf == g.deaf || g.ended {
		return nil
	}
	if err := hear(g.lis, !deaf); err != nil {
		return fmt.Errorf("gate %s: %w", g.Addr(), err)
	}
	g.deaf = deaf
	if deaf {
		g.closings++
	}
	return nil
}

// hear lets a listener's socket listen on its port or refuse connections. A socket that stops listening loses a port
// that the kernel has picked, so it takes it again at once.
func hear(l net.Listener, on bool) error {
	c, err := l.(syscall.Conn).SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = c.Control(func(fd uintptr) {
		if on {
			failed = os.NewSyscallError("listen", unix.Listen(int(fd), unix.SOMAXCONN))
			return
		}
		port, err := unix.Getsockname(int(fd))
		if err == nil {
			err = unix.Shutdown(int(fd), unix.SHUT_RDWR)
		}
		if err == nil {
			err = unix.Bind(int(fd), port)
		}
		if err == unix.EINVAL { // it has its port for good since the first time
			err = nil
		}
		failed = os.NewSyscallError("refuse", err)
	})
	return errors.Join(err, failed)
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
	g.mu.Lock()
	g.ended = true
	g.mu.Unlock()
	_ = g.lis.Close()
	_ = g.Set(GateClosed) // it has nothing to do but to cut connections
	g.wg.Wait()
}

func (g *Gate) resetLocked() {
	for c := range g.conns {
		_ = c.Close()
	}
}

func (g *Gate) serve() {
	for closings := 0; ; {
		c, err := g.lis.Accept()
		switch {
		case err == nil:
			g.wg.Go(func() { g.handle(c) })
		case !g.listensAgain(&closings):
			return
		}
	}
}

// listensAgain blocks while the gate does not listen. It is false when the gate was not closed since it was asked
// before, and has another reason not to listen.
func (g *Gate) listensAgain(closings *int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.deaf && !g.ended {
		g.moved.Wait()
	}
	closed := g.closings > *closings
	*closings = g.closings
	return closed && !g.ended
}

// open tells whether bytes may pass.
func (g *Gate) open() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.mode == GateOpen
}

func (g *Gate) handle(c net.Conn) {
	defer c.Close()
	if !g.open() {
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
			if !g.open() {
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
