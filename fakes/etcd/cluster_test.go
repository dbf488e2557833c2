package etcd_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"slices"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/rehearse-dev/rehearse/fakes/etcd"
	"github.com/rehearse-dev/rehearse/fakes/fakekit/fakeclock"
)

// fixture is a cluster with a clock, a certificate for everybody and a record of what OnStorage said.
type fixture struct {
	*etcd.Cluster
	clock *fakeclock.Clock
	crt   tls.Certificate
	pool  *x509.CertPool
	said  []etcd.Storage
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	f := &fixture{clock: fakeclock.New()}
	f.crt, f.pool = selfSigned(t)
	f.Cluster = etcd.New(etcd.Config{Name: "prod-a", Seed: 7, Clock: f.clock, ClientCAs: f.pool, CatchUp: 2 * time.Second,
		Certificate: func(string) (tls.Certificate, error) { return f.crt, nil },
		OnStorage:   func(s etcd.Storage) { f.said = append(f.said, s) }})
	t.Cleanup(f.Close)
	return f
}

func selfSigned(t testing.TB) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "etcd"},
		DNSNames: []string{"etcd"}, IsCA: true,
		BasicConstraintsValid: true, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, pool
}

func peers(names ...string) []etcd.Peer {
	var l []etcd.Peer
	for i, n := range names {
		l = append(l, etcd.Peer{Name: n, IP: net.IPv4(10, 0, 0, byte(i+1)).String(), Version: "3.6.6"})
	}
	return l
}

// conn is a client's connection to the member on a machine.
func (f *fixture) conn(t testing.TB, name string) *grpc.ClientConn {
	t.Helper()
	c, err := grpc.NewClient("passthrough:///etcd", grpc.WithContextDialer(func(ctx context.Context,
		_ string) (net.Conn, error) {
		return f.Dial(ctx, name)
	}),
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: f.pool,
			Certificates: []tls.Certificate{f.crt}, ServerName: "etcd"})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func (f *fixture) id(t testing.TB, name string) uint64 {
	t.Helper()
	for _, m := range f.Members() {
		if m.Name == name {
			return m.ID
		}
	}
	t.Fatalf("no member %q", name)
	return 0
}

func (f *fixture) remove(t testing.TB, via, name string) error {
	t.Helper()
	_, err := pb.NewClusterClient(f.conn(t, via)).MemberRemove(t.Context(), &pb.MemberRemoveRequest{ID: f.id(t, name)})
	return rpctypes.Error(err)
}

func names(l []etcd.Member) []string {
	var n []string
	for _, m := range l {
		s := m.Name
		if m.Leader {
			s += " leads"
		}
		if m.Learner {
			s += " learns"
		}
		if !m.Up {
			s += " is down"
		}
		n = append(n, s)
	}
	return n
}

func (f *fixture) want(t testing.TB, want ...string) {
	t.Helper()
	if got := names(f.Members()); !slices.Equal(got, want) {
		t.Errorf("members: got %q, want %q", got, want)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestALearnerJoinsAsKubeadmMakesIt(t *testing.T) {
	f := newFixture(t)
	must(t, f.Bootstrap(peers("a")...))
	must(t, f.AddLearner(peers("b")[0]))
	f.want(t, "a leads", "b learns is down")
	list, err := pb.NewClusterClient(f.conn(t, "a")).MemberList(t.Context(), &pb.MemberListRequest{Linearizable: true})
	must(t, err)
	if i := slices.IndexFunc(list.Members, func(m *pb.Member) bool { return m.IsLearner }); i < 0 ||
		list.Members[i].Name != "" {
		t.Errorf("a member that has not started has no name yet: got %v", list.Members)
	}
	if err := f.Promote("b"); !errors.Is(err, rpctypes.ErrMemberLearnerNotReady) {
		t.Errorf("promote before the start: got %v, want %v", err, rpctypes.ErrMemberLearnerNotReady)
	}
	must(t, f.Start("b"))
	if err := f.Promote("b"); !errors.Is(err, rpctypes.ErrMemberLearnerNotReady) {
		t.Errorf("promote at once: got %v, want %v", err, rpctypes.ErrMemberLearnerNotReady)
	}
	f.clock.Advance(2 * time.Second)
	must(t, f.Promote("b"))
	f.want(t, "a leads", "b")
	if err := f.AddLearner(peers("c")[0]); !errors.Is(err, rpctypes.ErrUnhealthy) {
		t.Errorf("add before 5 s of connection: got %v, want %v", err, rpctypes.ErrUnhealthy)
	}
	f.clock.Advance(3 * time.Second)
	must(t, f.AddLearner(peers("c")[0]))
}

func TestQuorumIsLostAndFound(t *testing.T) {
	f := newFixture(t)
	must(t, f.Bootstrap(peers("a", "b", "c")...))
	f.Stop("a")
	f.want(t, "a is down", "b leads", "c")
	f.Stop("b")
	f.want(t, "a is down", "b is down", "c")
	st, err := pb.NewMaintenanceClient(f.conn(t, "c")).Status(t.Context(), &pb.StatusRequest{})
	must(t, err)
	if want := []string{"etcdserver: no leader"}; !slices.Equal(st.Errors, want) || st.Leader != 0 {
		t.Errorf("status: got %v, leader %d, want %v", st.Errors, st.Leader, want)
	}
	_, err = pb.NewClusterClient(f.conn(t, "c")).MemberList(t.Context(), &pb.MemberListRequest{Linearizable: true})
	if !errors.Is(rpctypes.Error(err), rpctypes.ErrTimeout) {
		t.Errorf("member list: got %v, want %v", err, rpctypes.ErrTimeout)
	}
	if c := status.Code(err); c == codes.Unavailable || c == codes.DeadlineExceeded {
		t.Errorf("member list: code %s makes etcd's client try again in real time", c)
	}
	must(t, f.Start("a"))
	f.want(t, "a leads", "b is down", "c")
	if want := []etcd.Storage{etcd.Serves, etcd.Lost, etcd.Serves}; !slices.Equal(f.said, want) {
		t.Errorf("OnStorage: got %v, want %v", f.said, want)
	}
}

func TestRemovalKeepsQuorum(t *testing.T) {
	f := newFixture(t)
	must(t, f.Bootstrap(peers("a", "b", "c")...))
	f.Stop("c")
	if err := f.remove(t, "a", "b"); !errors.Is(err, rpctypes.ErrUnhealthy) {
		t.Errorf("remove a running one of two: got %v, want %v", err, rpctypes.ErrUnhealthy)
	}
	must(t, f.remove(t, "a", "c"))
	f.want(t, "a leads", "b")
	must(t, f.remove(t, "b", "a"))
	f.want(t, "b leads")
	if err := f.remove(t, "b", "b"); !errors.Is(err, rpctypes.ErrMemberNotEnoughStarted) {
		t.Errorf("remove the last: got %v, want %v", err, rpctypes.ErrMemberNotEnoughStarted)
	}
	if _, err := f.Dial(t.Context(), "a"); err == nil {
		t.Error("a removed member still listens")
	}
}

func TestMoveLeaderIsForTheLeaderToDo(t *testing.T) {
	f := newFixture(t)
	must(t, f.Bootstrap(peers("a", "b")...))
	to := &pb.MoveLeaderRequest{TargetID: f.id(t, "b")}
	if _, err := pb.NewMaintenanceClient(f.conn(t, "b")).MoveLeader(t.Context(), to); !errors.Is(rpctypes.Error(err),
		rpctypes.ErrNotLeader) {
		t.Errorf("from another member: got %v, want %v", err, rpctypes.ErrNotLeader)
	}
	_, err := pb.NewMaintenanceClient(f.conn(t, "a")).MoveLeader(t.Context(), to)
	must(t, err)
	f.want(t, "a", "b leads")
}

func TestAlarmsShowInListAndStatus(t *testing.T) {
	f := newFixture(t)
	must(t, f.Bootstrap(peers("a", "b", "c")...))
	must(t, f.SetAlarm("b", pb.AlarmType_NOSPACE))
	m := pb.NewMaintenanceClient(f.conn(t, "a"))
	alarms := func() int {
		r, err := m.Alarm(t.Context(), &pb.AlarmRequest{Action: pb.AlarmRequest_GET})
		must(t, err)
		st, err := m.Status(t.Context(), &pb.StatusRequest{})
		must(t, err)
		if len(st.Errors) != len(r.Alarms) {
			t.Errorf("status: got %q, want %d alarms", st.Errors, len(r.Alarms))
		}
		return len(r.Alarms)
	}
	if got := alarms(); got != 1 {
		t.Errorf("got %d alarms, want 1", got)
	}
	_, err := m.Alarm(t.Context(), &pb.AlarmRequest{Action: pb.AlarmRequest_DEACTIVATE, MemberID: f.id(t, "b"),
		Alarm: pb.AlarmType_NOSPACE})
	must(t, err)
	if got := alarms(); got != 0 {
		t.Errorf("after disarming: got %d alarms, want 0", got)
	}
}

func TestAMemberSlowerThanItsClientsDoesNotAnswer(t *testing.T) {
	f := newFixture(t)
	must(t, f.Bootstrap(peers("a")...))
	m := pb.NewMaintenanceClient(f.conn(t, "a"))
	must(t, f.SetLatency("a", 14*time.Second))
	_, err := m.Status(t.Context(), &pb.StatusRequest{})
	must(t, err)
	must(t, f.SetLatency("a", 15*time.Second))
	if _, err := m.Status(t.Context(),
		&pb.StatusRequest{}); rpctypes.ErrorDesc(err) != context.DeadlineExceeded.Error() {
		t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
	}
}

func TestClientsNeedACertificate(t *testing.T) {
	f := newFixture(t)
	must(t, f.Bootstrap(peers("a")...))
	c, err := f.Dial(t.Context(), "a")
	must(t, err)
	defer c.Close()
	anonymous := tls.Client(c, &tls.Config{RootCAs: f.pool, ServerName: "etcd", NextProtos: []string{"h2"}})
	if err := anonymous.Handshake(); err == nil {
		if _, err = anonymous.Read(make([]byte, 1)); err == nil {
			t.Error("a client without a certificate is served")
		}
	}
}

func TestIdsAreTheSameInEveryRun(t *testing.T) {
	a, b := newFixture(t), newFixture(t)
	must(t, a.Bootstrap(peers("x", "y")...))
	must(t, b.Bootstrap(peers("x", "y")...))
	if a.id(t, "x") != b.id(t, "x") || a.id(t, "x") == a.id(t, "y") {
		t.Errorf("ids: got %d, %d and %d", a.id(t, "x"), b.id(t, "x"), a.id(t, "y"))
	}
}

func TestLeaderlessFailsCallsAndKeepsWatches(t *testing.T) {
	l := etcd.NewLeaderless()
	defer l.Close()
	c, err := grpc.NewClient("passthrough:///etcd", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return l.Dial() }))
	must(t, err)
	defer c.Close()
	if _, err := pb.NewKVClient(c).Range(t.Context(),
		&pb.RangeRequest{Key: []byte("k")}); !errors.Is(rpctypes.Error(err), rpctypes.ErrTimeout) {
		t.Errorf("range: got %v, want %v", err, rpctypes.ErrTimeout)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	w, err := pb.NewWatchClient(c).Watch(ctx)
	must(t, err)
	if _, err := w.Recv(); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("watch: got %v, want silence", err)
	}
}

func TestAClusterThatIsBootstrappedAgainFromItsPeersHasTheSameMembers(t *testing.T) {
	one, other := newFixture(t), newFixture(t)
	peers := []etcd.Peer{{Name: "m-2", IP: "10.0.0.2", Version: "3.6.6"}, {Name: "m-1", IP: "10.0.0.1"}, {Name: "m-3"}}
	if err := one.Bootstrap(peers...); err != nil {
		t.Fatal(err)
	}
	if got := one.Peers(); !slices.Equal(got, peers) {
		t.Errorf("peers: got %v, want %v in the order of joining", got, peers)
	}
	if err := other.Bootstrap(one.Peers()...); err != nil {
		t.Fatal(err)
	}
	if got, want := other.Members(), one.Members(); !slices.Equal(got, want) {
		t.Errorf("members: got %v, want %v", got, want)
	}
}
