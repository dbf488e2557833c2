package etcd

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"slices"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
)

// server is the client port of a running member.
type server struct {
	lis  *bufconn.Listener
	grpc *grpc.Server
}

func (c *Cluster) serveLocked(m *member) error {
	crt, err := c.cfg.Certificate(m.peer.Name)
	if err != nil {
		return fmt.Errorf("etcd %s: %w", m.peer.Name, err)
	}
	s := &server{lis: bufconn.Listen(64 << 10), grpc: grpc.NewServer(grpc.Creds(credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{crt}, ClientCAs: c.cfg.ClientCAs, ClientAuth: tls.RequireAndVerifyClientCert,
		MinVersion: tls.VersionTLS12})))}
	h := &handler{c: c, id: m.id}
	pb.RegisterClusterServer(s.grpc, h)
	pb.RegisterMaintenanceServer(s.grpc, h)
	c.servers[m.id] = s
	go func() { _ = s.grpc.Serve(s.lis) }()
	return nil
}

// stopLocked cuts the connections of a member, as the death of its process does.
func (c *Cluster) stopLocked(id uint64) {
	if s := c.servers[id]; s != nil {
		delete(c.servers, id)
		go s.grpc.Stop()
	}
}

// retireLocked ends a member that was removed: it answers the calls that it has, the removal among them.
func (c *Cluster) retireLocked(id uint64) {
	if s := c.servers[id]; s != nil {
		delete(c.servers, id)
		go s.grpc.GracefulStop()
	}
}

// handler answers the calls to one member.
type handler struct {
	pb.UnimplementedClusterServer
	pb.UnimplementedMaintenanceServer
	c  *Cluster
	id uint64
}

// final turns an error into one that etcd's client gives to its caller at once. The client repeats calls that are
// Unavailable or out of time until its caller's patience ends, in real time; it tells its caller what happened by the
// text, and the text stays.
func final(err error) error {
	if text := rpctypes.ErrorDesc(err); status.Code(err) == codes.Unavailable ||
		status.Code(err) == codes.DeadlineExceeded {
		return status.Error(codes.Unknown, text)
	}
	return err
}

// call runs do for a member that serves, under the lock. consensus says that the call needs the majority.
func (h *handler) call(consensus bool, do func(m *member) error) error {
	h.c.cfg.Clock.Touch()
	h.c.mu.Lock()
	defer h.c.mu.Unlock()
	m := h.c.s.byID(h.id)
	switch {
	case m == nil || !m.up:
		return final(rpctypes.ErrGRPCStopped)
	case m.latency >= h.c.cfg.Patience:
		return final(status.Error(codes.DeadlineExceeded, context.DeadlineExceeded.Error()))
	case consensus && m.learner:
		return final(rpctypes.ErrGRPCNotSupportedForLearner)
	case consensus && !h.c.s.quorum():
		return final(rpctypes.ErrGRPCTimeout)
	}
	return do(m)
}

func (h *handler) headerLocked() *pb.ResponseHeader {
	return &pb.ResponseHeader{ClusterId: h.c.id, MemberId: h.id, RaftTerm: h.c.s.term}
}

func (h *handler) Status(context.Context, *pb.StatusRequest) (r *pb.StatusResponse, err error) {
	err = h.call(false, func(m *member) error {
		r = &pb.StatusResponse{Header: h.headerLocked(), Version: m.peer.Version, Leader: h.c.s.leader,
			RaftTerm: h.c.s.term, IsLearner: m.learner}
		if h.c.s.leader == 0 {
			r.Errors = append(r.Errors, rpctypes.ErrNoLeader.Error())
		}
		for _, a := range h.alarmsLocked() {
			r.Errors = append(r.Errors, a.String())
		}
		return nil
	})
	return r, err
}

func (h *handler) MemberList(_ context.Context, req *pb.MemberListRequest) (r *pb.MemberListResponse, err error) {
	err = h.call(req.Linearizable, func(*member) error {
		r = &pb.MemberListResponse{Header: h.headerLocked(), Members: h.membersLocked()}
		return nil
	})
	return r, err
}

func (h *handler) membersLocked() []*pb.Member {
	var l []*pb.Member
	for _, m := range h.c.s.rows {
		p := &pb.Member{ID: m.id, IsLearner: m.learner, PeerURLs: []string{"https://" + m.peer.IP + ":2380"}}
		if m.started {
			p.Name, p.ClientURLs = m.peer.Name, []string{"https://" + m.peer.IP + ":2379"}
		}
		l = append(l, p)
	}
	slices.SortFunc(l, func(a, b *pb.Member) int { return cmp.Compare(a.ID, b.ID) })
	return l
}

func (h *handler) MemberRemove(_ context.Context, req *pb.MemberRemoveRequest) (r *pb.MemberRemoveResponse, err error) {
	now := h.c.cfg.Clock.Now()
	err = h.call(true, func(*member) error {
		m := h.c.s.byID(req.ID)
		if err := h.c.s.mayRemove(m, now); err != nil {
			return onWire(err)
		}
		h.c.s.remove(m)
		h.c.retireLocked(m.id)
		h.c.s.elect()
		h.c.s.raise()
		r = &pb.MemberRemoveResponse{Header: h.headerLocked(), Members: h.membersLocked()}
		return nil
	})
	h.c.tell()
	return r, err
}

func (h *handler) MoveLeader(_ context.Context, req *pb.MoveLeaderRequest) (r *pb.MoveLeaderResponse, err error) {
	err = h.call(true, func(*member) error {
		if h.c.s.leader != h.id {
			return final(rpctypes.ErrGRPCNotLeader)
		}
		to := h.c.s.byID(req.TargetID)
		if to == nil || to.learner {
			return final(rpctypes.ErrGRPCBadLeaderTransferee)
		}
		if !to.up {
			return status.Error(codes.Unknown, "etcdserver: request timed out, leader transfer took too long")
		}
		if to.id != h.id {
			h.c.s.leader, h.c.s.term = to.id, h.c.s.term+1
		}
		r = &pb.MoveLeaderResponse{Header: h.headerLocked()}
		return nil
	})
	return r, err
}

func (h *handler) Alarm(_ context.Context, req *pb.AlarmRequest) (r *pb.AlarmResponse, err error) {
	err = h.call(true, func(*member) error {
		if m := h.c.s.byID(req.MemberID); m != nil {
			switch {
			case req.Action == pb.AlarmRequest_ACTIVATE:
				m.alarm = req.Alarm
			case req.Action == pb.AlarmRequest_DEACTIVATE && m.alarm == req.Alarm:
				m.alarm = pb.AlarmType_NONE
			}
		}
		r = &pb.AlarmResponse{Header: h.headerLocked(), Alarms: h.alarmsLocked()}
		return nil
	})
	h.c.tell()
	return r, err
}

func (h *handler) alarmsLocked() []*pb.AlarmMember {
	var l []*pb.AlarmMember
	for _, m := range h.c.s.rows {
		if m.alarm != pb.AlarmType_NONE {
			l = append(l, &pb.AlarmMember{MemberID: m.id, Alarm: m.alarm})
		}
	}
	return l
}

// onWire is the server's form of an error of rpctypes.
func onWire(err error) error {
	return final(status.Error(err.(rpctypes.EtcdError).Code(), err.Error()))
}
