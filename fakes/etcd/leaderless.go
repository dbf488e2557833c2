package etcd

import (
	"context"
	"net"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc"
	"google.golang.org/grpc/test/bufconn"
)

// Leaderless is the client port of an etcd that has lost its quorum, for the API server whose real etcd knows nothing
// of the loss: unary calls fail with "etcdserver: request timed out", at once instead of after 7 s, and watches stay
// open and silent. It speaks plain text.
type Leaderless struct {
	lis  *bufconn.Listener
	grpc *grpc.Server
}

// NewLeaderless starts one.
func NewLeaderless() *Leaderless {
	l := &Leaderless{lis: bufconn.Listen(64 << 10)}
	l.grpc = grpc.NewServer(grpc.UnknownServiceHandler(func(_ any, s grpc.ServerStream) error {
		if m, _ := grpc.MethodFromServerStream(s); m == "/etcdserverpb.Watch/Watch" {
			<-s.Context().Done()
			return s.Context().Err()
		}
		return final(rpctypes.ErrGRPCTimeout)
	}))
	go func() { _ = l.grpc.Serve(l.lis) }()
	return l
}

// Dial connects to it.
func (l *Leaderless) Dial() (net.Conn, error) { return l.lis.DialContext(context.Background()) }

// Close ends its connections.
func (l *Leaderless) Close() { l.grpc.Stop() }
