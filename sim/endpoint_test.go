package sim

import (
	"errors"
	"net"
	"syscall"
	"testing"
)

func TestAnEndpointRefusesConnectionsUntilItListens(t *testing.T) {
	e, err := newEndpoint()
	if err != nil {
		t.Fatal(err)
	}
	if c, err := net.Dial("tcp", e.addr.String()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dial before there is a control plane: got %v, %v, want a refusal", c, err)
	}
	if l, err := net.Listen("tcp", e.addr.String()); err == nil {
		l.Close()
		t.Error("the port of an endpoint was free")
	}
	l, err := e.listen()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if l.Addr().String() != e.addr.String() {
		t.Errorf("address: got %s, want %s", l.Addr(), e.addr)
	}
	c, err := net.Dial("tcp", e.addr.String())
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}
