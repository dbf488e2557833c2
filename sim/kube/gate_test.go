package kube

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

// echo serves lines back, each after prefix.
func echo(t *testing.T, prefix string) string {
	t.Helper()
	l := listen(t)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for s := bufio.NewScanner(c); s.Scan(); {
					_, _ = io.WriteString(c, prefix+s.Text()+"\n")
				}
			}()
		}
	}()
	return l.Addr().String()
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

type caller struct {
	net.Conn
	r *bufio.Reader
}

func call(t *testing.T, g *Gate) caller {
	t.Helper()
	c, err := net.Dial("tcp", g.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return caller{c, bufio.NewReader(c)}
}

func set(t *testing.T, g *Gate, m GateMode) {
	t.Helper()
	if err := g.Set(m); err != nil {
		t.Fatal(err)
	}
}

// ask sends a line and returns the answer, or an error after patience.
func (c caller) ask(line string, patience time.Duration) (string, error) {
	if _, err := io.WriteString(c, line+"\n"); err != nil {
		return "", err
	}
	_ = c.SetReadDeadline(time.Now().Add(patience))
	return c.r.ReadString('\n')
}

const patient = 10 * time.Second

func TestGateClosedResetsOldConnectionsAndRefusesNewOnes(t *testing.T) {
	g := NewGate(listen(t), dialTo(echo(t, "")))
	defer g.Close()
	old := call(t, g)
	if _, err := old.ask("a", patient); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		set(t, g, GateClosed)
		if got, err := old.ask("b", patient); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("an old connection: got %q, %v, want a reset", got, err)
		}
		if c, err := net.Dial("tcp", g.Addr()); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("a new connection: got %v, %v, want connection refused", c, err)
		}
		set(t, g, GateOpen)
		old = call(t, g)
		if got, err := old.ask("c", patient); got != "c\n" {
			t.Errorf("open again: got %q, %v", got, err)
		}
	}
	set(t, g, GateClosed) // Close ends it in that state as well
}

func TestGateReroutesAndComesHome(t *testing.T) {
	g := NewGate(listen(t), dialTo(echo(t, "home: ")))
	defer g.Close()
	c := call(t, g)
	if _, err := c.ask("a", patient); err != nil {
		t.Fatal(err)
	}
	g.Reroute(dialTo(echo(t, "away: ")))
	if got, err := c.ask("b", patient); err == nil {
		t.Errorf("old connection: got %q, want a reset", got)
	}
	if got, err := call(t, g).ask("c", patient); got != "away: c\n" {
		t.Errorf("rerouted: got %q, %v", got, err)
	}
	g.Reroute(nil)
	if got, err := call(t, g).ask("d", patient); got != "home: d\n" {
		t.Errorf("back home: got %q, %v", got, err)
	}
}
