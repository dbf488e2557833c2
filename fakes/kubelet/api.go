package kubelet

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/kubelet/pkg/cri/streaming/portforward"
)

// serve is the API of every kubelet.
func (n *Network) serve(w http.ResponseWriter, r *http.Request) {
	node, _ := r.Context().Value(nodeKey{}).(string)
	p := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case p[0] == "healthz":
		fmt.Fprint(w, "ok")
	case p[0] == "portForward" && (len(p) == 3 || len(p) == 4):
		n.portForward(w, r, node, p[1:])
	case p[0] == "containerLogs" && len(p) == 4:
		fmt.Fprintf(w, "container %s of pod %s/%s on node %s is simulated and writes no log\n", p[3], p[1], p[2], node)
	case p[0] == "exec" || p[0] == "attach" || p[0] == "run":
		http.Error(w, p[0]+": the containers of a twin are simulated and run no commands", http.StatusNotImplemented)
	default:
		http.NotFound(w, r)
	}
}

// portForward serves SPDY, which is what the API server makes of its clients' WebSockets.
func (n *Network) portForward(w http.ResponseWriter, r *http.Request, node string, pod []string) {
	opts, err := portforward.NewV4Options(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var uid types.UID
	if len(pod) == 3 {
		uid = types.UID(pod[2])
	}
	// Real time, as the connection itself is.
	const idle, setup = 4 * time.Hour, 30 * time.Second
	portforward.ServePortForward(w, r, forwarder{n, node, pod[0]}, pod[1], uid, opts, idle, setup,
		portforward.SupportedProtocols)
}

// forwarder connects the data streams of port-forwards into a namespace of a node.
type forwarder struct {
	n               *Network
	node, namespace string
}

func (f forwarder) dial(ctx context.Context, pod string, port int32) (net.Conn, error) {
	if f.n.refuses(f.namespace, pod) {
		return nil, fmt.Errorf("dial tcp4 127.0.0.1:%d: connect: connection refused", port)
	}
	return f.n.cfg.Dial(ctx, f.node, f.namespace, pod, port)
}

// PortForward copies both ways until one side ends.
func (f forwarder) PortForward(ctx context.Context, pod string, _ types.UID, port int32,
	stream io.ReadWriteCloser) error {
	defer stream.Close()
	c, err := f.dial(ctx, pod, port)
	if err != nil {
		return fmt.Errorf("failed to connect to localhost:%d inside namespace of pod %s/%s: %w", port, f.namespace, pod,
			err)
	}
	defer c.Close()
	ended := make(chan struct{}, 2)
	cp := func(dst io.Writer, src io.Reader) {
		_, _ = io.Copy(dst, src) // how a stream ends is between the two ends
		ended <- struct{}{}
	}
	go cp(c, stream)
	go cp(stream, c)
	<-ended
	return nil
}
