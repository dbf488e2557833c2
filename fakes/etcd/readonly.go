package etcd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"
)

// ReadOnly is the client port of an etcd whose database is full, for the API server whose real etcd is not: whatever
// would take room is refused with "etcdserver: mvcc: database space exceeded", everything else goes through
// (go.etcd.io/etcd/server/v3@v3.6.5 etcdserver/apply applierV3Capped, storage/quota.go). It speaks plain text.
type ReadOnly struct {
	lis      *bufconn.Listener
	grpc     *grpc.Server
	upstream *grpc.ClientConn
}

// NewReadOnly starts one in front of the etcd at an address.
func NewReadOnly(address string) (*ReadOnly, error) {
	up, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(raw{}), grpc.MaxCallRecvMsgSize(1<<30), grpc.MaxCallSendMsgSize(1<<30)))
	if err != nil {
		return nil, fmt.Errorf("etcd %s: %w", address, err)
	}
	r := &ReadOnly{lis: bufconn.Listen(64 << 10), upstream: up}
	r.grpc = grpc.NewServer(grpc.ForceServerCodec(raw{}), grpc.MaxRecvMsgSize(1<<30), grpc.UnknownServiceHandler(r.forward))
	go func() { _ = r.grpc.Serve(r.lis) }()
	return r, nil
}

// Dial connects to it.
func (r *ReadOnly) Dial() (net.Conn, error) { return r.lis.DialContext(context.Background()) }

// Close ends its connections.
func (r *ReadOnly) Close() {
	r.grpc.Stop()
	_ = r.upstream.Close()
}

// forward passes a call on, message by message, until one would take room.
func (r *ReadOnly) forward(_ any, down grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(down)
	ctx, cancel := context.WithCancel(down.Context())
	defer cancel()
	if md, ok := metadata.FromIncomingContext(ctx); ok {
		ctx = metadata.NewOutgoingContext(ctx, md)
	}
	up, err := r.upstream.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- backward(up, down) }()
	for {
		var m []byte
		if err := down.RecvMsg(&m); errors.Is(err, io.EOF) {
			if err := up.CloseSend(); err != nil {
				return err
			}
			return <-ended
		} else if err != nil {
			return err
		}
		if takesRoom(method, m) {
			return rpctypes.ErrGRPCNoSpace
		}
		if err := up.SendMsg(&m); err != nil {
			return <-ended // it says why
		}
	}
}

// backward passes the answers on until they end; its error is the call's.
func backward(up grpc.ClientStream, down grpc.ServerStream) error {
	for {
		var m []byte
		if err := up.RecvMsg(&m); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := down.SendMsg(&m); err != nil {
			return err
		}
	}
}

// takesRoom tells whether etcd refuses a request while its database is full.
func takesRoom(method string, message []byte) bool {
	switch method {
	case "/etcdserverpb.KV/Put", "/etcdserverpb.Lease/LeaseGrant":
		return true
	case "/etcdserverpb.KV/Txn":
		t := &pb.TxnRequest{}
		return t.Unmarshal(message) == nil && puts(t)
	}
	return false
}

// puts tells whether a transaction may write a key; deletions take no room.
func puts(t *pb.TxnRequest) bool {
	return slices.ContainsFunc(slices.Concat(t.Success, t.Failure), func(o *pb.RequestOp) bool {
		inner := o.GetRequestTxn()
		return o.GetRequestPut() != nil || inner != nil && puts(inner)
	})
}

// raw is the codec of messages that nobody looks into.
type raw struct{}

func (raw) Name() string                    { return "raw" }
func (raw) Marshal(v any) ([]byte, error)   { return *v.(*[]byte), nil }
func (raw) Unmarshal(b []byte, v any) error { *v.(*[]byte) = slices.Clone(b); return nil }
