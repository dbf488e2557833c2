package etcd_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/rehearse-dev/rehearse/fakes/etcd"
)

func TestTheStorageIsWhatTheMembersAddUpTo(t *testing.T) {
	f := newFixture(t)
	must(t, f.Bootstrap(peers("a", "b", "c")...))
	must(t, f.SetAlarm("b", pb.AlarmType_NOSPACE))
	must(t, f.SetLatency("a", time.Hour)) // a minority
	must(t, f.SetLatency("c", 6*time.Second))
	must(t, f.SetLatency("c", 7*time.Second))
	must(t, f.SetLatency("a", 0))
	must(t, f.SetAlarm("b", pb.AlarmType_CORRUPT))
	must(t, f.SetAlarm("a", pb.AlarmType_NOSPACE))
	disarm := &pb.AlarmRequest{Action: pb.AlarmRequest_DEACTIVATE, MemberID: f.id(t, "a"), Alarm: pb.AlarmType_NOSPACE}
	_, err := pb.NewMaintenanceClient(f.conn(t, "b")).Alarm(t.Context(), disarm)
	must(t, err)
	want := []etcd.Storage{etcd.Serves, etcd.Full, etcd.Lost, etcd.Full, etcd.Serves, etcd.Full, etcd.Serves}
	if !slices.Equal(f.said, want) {
		t.Errorf("OnStorage: got %v, want %v", f.said, want)
	}
}

// keys plays an etcd that has room.
type keys struct {
	pb.UnimplementedKVServer
	pb.UnimplementedLeaseServer
	pb.UnimplementedWatchServer
	wrote []string
}

func (k *keys) Range(_ context.Context, r *pb.RangeRequest) (*pb.RangeResponse, error) {
	if string(r.Key) == "broken" {
		return nil, rpctypes.ErrGRPCCorrupt
	}
	return &pb.RangeResponse{Count: 7}, nil
}

func (k *keys) Txn(context.Context, *pb.TxnRequest) (*pb.TxnResponse, error) {
	k.wrote = append(k.wrote, "txn")
	return &pb.TxnResponse{Succeeded: true}, nil
}

func (k *keys) Put(context.Context, *pb.PutRequest) (*pb.PutResponse, error) {
	k.wrote = append(k.wrote, "put")
	return &pb.PutResponse{}, nil
}

func (k *keys) Watch(s pb.Watch_WatchServer) error {
	for {
		if _, err := s.Recv(); err != nil {
			return err
		}
		if err := s.Send(&pb.WatchResponse{Created: true}); err != nil {
			return err
		}
	}
}

func TestAFullStorageIsReadAndNotWritten(t *testing.T) {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	real, srv := &keys{}, grpc.NewServer()
	pb.RegisterKVServer(srv, real)
	pb.RegisterLeaseServer(srv, real)
	pb.RegisterWatchServer(srv, real)
	go func() { _ = srv.Serve(lis) }()
	defer srv.Stop()
	r, err := etcd.NewReadOnly(lis.Addr().String())
	must(t, err)
	defer r.Close()
	c, err := grpc.NewClient("passthrough:///full", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return r.Dial() }))
	must(t, err)
	defer c.Close()
	kv := pb.NewKVClient(c)

	if got, err := kv.Range(t.Context(), &pb.RangeRequest{Key: []byte("k")}); err != nil || got.Count != 7 {
		t.Errorf("read: got %v, %v", got, err)
	}
	if _, err := kv.Range(t.Context(), &pb.RangeRequest{Key: []byte("broken")}); !errors.Is(rpctypes.Error(err), rpctypes.ErrCorrupt) {
		t.Errorf("an error of etcd's own: got %v, want %v", err, rpctypes.ErrCorrupt)
	}
	put := &pb.RequestOp{Request: &pb.RequestOp_RequestPut{RequestPut: &pb.PutRequest{Key: []byte("k")}}}
	del := &pb.RequestOp{Request: &pb.RequestOp_RequestDeleteRange{RequestDeleteRange: &pb.DeleteRangeRequest{Key: []byte("k")}}}
	inner := &pb.RequestOp{Request: &pb.RequestOp_RequestTxn{RequestTxn: &pb.TxnRequest{Failure: []*pb.RequestOp{put}}}}
	for name, do := range map[string]func() error{
		"put": func() error { _, err := kv.Put(t.Context(), &pb.PutRequest{Key: []byte("k")}); return err },
		"lease": func() error {
			_, err := pb.NewLeaseClient(c).LeaseGrant(t.Context(), &pb.LeaseGrantRequest{TTL: 1})
			return err
		},
		"transaction": func() error {
			_, err := kv.Txn(t.Context(), &pb.TxnRequest{Success: []*pb.RequestOp{put}})
			return err
		},
		"transaction in one": func() error {
			_, err := kv.Txn(t.Context(), &pb.TxnRequest{Success: []*pb.RequestOp{inner}})
			return err
		},
	} {
		if err := do(); !errors.Is(rpctypes.Error(err), rpctypes.ErrNoSpace) {
			t.Errorf("%s: got %v, want %v", name, err, rpctypes.ErrNoSpace)
		}
	}
	if _, err := kv.Txn(t.Context(), &pb.TxnRequest{Success: []*pb.RequestOp{del}}); err != nil {
		t.Errorf("a deletion: %v", err)
	}
	if want := []string{"txn"}; !slices.Equal(real.wrote, want) {
		t.Errorf("etcd was asked to %q, want the deletion alone", real.wrote)
	}
	watch, err := pb.NewWatchClient(c).Watch(t.Context())
	must(t, err)
	for range 2 {
		must(t, watch.Send(&pb.WatchRequest{}))
		if got, err := watch.Recv(); err != nil || !got.Created {
			t.Errorf("watch: got %v, %v", got, err)
		}
	}
}
