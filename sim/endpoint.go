package sim

import (
	"fmt"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// endpoint is the address of a control plane. It is known, and written into manifests, before there is a control plane.
// Until then connections to it are refused, as by the host that does not have the address yet: whoever had to wait there
// for an answer, or was told that the connection had ended, would try again and hold the clock meanwhile.
type endpoint struct {
	addr *net.TCPAddr
	f    *os.File // a socket that has the port but does not listen
}

func newEndpoint() (*endpoint, error) {
	syscall.ForkLock.RLock() // no child may inherit the socket
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	f := os.NewFile(uintptr(fd), "control plane endpoint")
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		_ = f.Close()
		return nil, os.NewSyscallError("bind", err)
	}
	a, err := unix.Getsockname(fd)
	if err != nil {
		_ = f.Close()
		return nil, os.NewSyscallError("getsockname", err)
	}
	v4 := a.(*unix.SockaddrInet4)
	return &endpoint{&net.TCPAddr{IP: net.IP(v4.Addr[:]), Port: v4.Port}, f}, nil
}

// listen ends the refusing. The listener is the caller's to close, and the endpoint is used up.
func (e *endpoint) listen() (net.Listener, error) {
	defer e.close()
	// Its connections may outlive its listening, which begins anew when a fault has healed. Not before: until it listens,
	// another could take the port.
	if err := unix.SetsockoptInt(int(e.f.Fd()), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return nil, os.NewSyscallError("setsockopt", err)
	}
	if err := unix.Listen(int(e.f.Fd()), unix.SOMAXCONN); err != nil {
		return nil, fmt.Errorf("listen on %s: %w", e.addr, os.NewSyscallError("listen", err))
	}
	return net.FileListener(e.f)
}

// close gives the port back, unless listen has handed it on.
func (e *endpoint) close() { _ = e.f.Close() }
