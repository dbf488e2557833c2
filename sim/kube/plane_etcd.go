package kube

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/rehearse-dev/rehearse/fakes/etcd"
)

// MembersConfig of Members.
type MembersConfig struct {
	Binary string // etcd
	Dir    string // data, certificates and logs, a folder per member
	CA     *CA    // of the cluster's etcd
}

// Members is the etcd cluster of one workload cluster as real processes, one per control plane machine, for stories
// about quorum that must be beyond doubt. It has the methods of the model (fakes/etcd.Cluster) that machines use. Its
// time is real: the caller holds site time while it waits. All methods may be called from any goroutine.
type Members struct {
	cfg    MembersConfig
	client *tls.Config

	mu      sync.Mutex
	members map[string]*realMember
}

type realMember struct {
	etcd.Peer
	dir               string
	clientURL, peerOf string // client and peer URL
	id                uint64 // 0: of the first cluster
	args              []string
	process           *Process // nil: it does not run
}

// memberPatience is how long etcd may refuse what it will soon allow: it wants 5 s of connection between all members
// before it takes a new one.
const memberPatience = 30 * time.Second

// NewMembers returns a cluster without members.
func NewMembers(c MembersConfig) (*Members, error) {
	crt, err := c.CA.TLS(Leaf{CommonName: "twin"})
	if err != nil {
		return nil, err
	}
	return &Members{cfg: c, members: map[string]*realMember{},
		client: &tls.Config{RootCAs: c.CA.Pool(), Certificates: []tls.Certificate{crt},
			MinVersion: tls.VersionTLS12}}, nil
}

// Bootstrap starts a new cluster and returns when it has a leader.
func (e *Members) Bootstrap(peers ...etcd.Peer) error {
	var l []*realMember
	var initial []string
	for _, p := range peers {
		m, err := e.add(p)
		if err != nil {
			return err
		}
		l, initial = append(l, m), append(initial, p.Name+"="+m.peerOf)
	}
	var g errgroup.Group
	for _, m := range l {
		m.args = e.flags(m, strings.Join(initial, ","), "new")
		g.Go(func() error { return e.run(m) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	_, err := e.list()
	return err
}

// AddLearner adds a member that has not started. A name that is already a member's is fine.
func (e *Members) AddLearner(p etcd.Peer) error {
	e.mu.Lock()
	known := e.members[p.Name] != nil
	e.mu.Unlock()
	if known {
		return nil
	}
	m, err := e.add(p)
	if err != nil {
		return err
	}
	err = e.call(func(ctx context.Context, c pb.ClusterClient) error {
		r, err := c.MemberAdd(ctx, &pb.MemberAddRequest{PeerURLs: []string{m.peerOf}, IsLearner: true})
		if err == nil {
			m.id = r.Member.ID
		}
		return err
	})
	if err != nil {
		e.mu.Lock()
		delete(e.members, p.Name)
		e.mu.Unlock()
	}
	return err
}

// Start runs the process of a member, for the first time or again.
func (e *Members) Start(name string) error {
	e.mu.Lock()
	m := e.members[name]
	runs := m != nil && m.process != nil
	e.mu.Unlock()
	switch {
	case m == nil:
		return rpctypes.ErrMemberNotFound
	case runs:
		return nil
	}
	if m.args == nil {
		members, err := e.list()
		if err != nil {
			return err
		}
		initial := []string{name + "=" + m.peerOf}
		for _, x := range members {
			if x.Name != "" {
				initial = append(initial, x.Name+"="+x.PeerURLs[0])
			}
		}
		m.args = e.flags(m, strings.Join(initial, ","), "existing")
	}
	return e.run(m)
}

// Promote makes a learner a voter and returns when it is one.
func (e *Members) Promote(name string) error {
	e.mu.Lock()
	m := e.members[name]
	e.mu.Unlock()
	if m == nil {
		return rpctypes.ErrMemberNotFound
	}
	err := e.call(func(ctx context.Context, c pb.ClusterClient) error {
		_, err := c.MemberPromote(ctx, &pb.MemberPromoteRequest{ID: m.id})
		return err
	})
	if errors.Is(err, rpctypes.ErrMemberNotLearner) {
		return nil
	}
	return err
}

// Stop kills the process of a member, or its machine. It stays a member until somebody removes it.
func (e *Members) Stop(name string) {
	e.mu.Lock()
	m := e.members[name]
	var p *Process
	if m != nil {
		p, m.process = m.process, nil
	}
	e.mu.Unlock()
	if p != nil {
		p.Kill()
	}
}

// Dial connects to the client port on a machine.
func (e *Members) Dial(ctx context.Context, name string) (net.Conn, error) {
	e.mu.Lock()
	m := e.members[name]
	e.mu.Unlock()
	if m == nil {
		return nil, errors.New("dial tcp4 127.0.0.1:2379: connect: connection refused")
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", strings.TrimPrefix(m.clientURL, "https://"))
}

// DialAny connects to some member that runs: the API server's way to its storage.
func (e *Members) DialAny() (net.Conn, error) {
	err := errors.New("no etcd member runs")
	for _, m := range e.running() {
		var c net.Conn
		if c, err = net.Dial("tcp", strings.TrimPrefix(m.clientURL, "https://")); err == nil {
			return c, nil
		}
	}
	return nil, err
}

// Close kills all members.
func (e *Members) Close() {
	for _, m := range e.running() {
		e.Stop(m.Name)
	}
}

// running are the members whose process has not ended, by name. A member that was removed ends by itself.
func (e *Members) running() []*realMember {
	e.mu.Lock()
	defer e.mu.Unlock()
	var l []*realMember
	for _, m := range e.members {
		if m.process == nil {
			continue
		}
		select {
		case <-m.process.Done():
		default:
			l = append(l, m)
		}
	}
	slices.SortFunc(l, func(a, b *realMember) int { return strings.Compare(a.Name, b.Name) })
	return l
}

func (e *Members) list() ([]*pb.Member, error) {
	var l []*pb.Member
	err := e.call(func(ctx context.Context, c pb.ClusterClient) error {
		r, err := c.MemberList(ctx, &pb.MemberListRequest{Linearizable: true})
		if err == nil {
			l = r.Members
		}
		return err
	})
	return l, err
}

// call asks running members in turn, and again while etcd says that it will soon do it. Errors are rpctypes'.
func (e *Members) call(do func(context.Context, pb.ClusterClient) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), memberPatience)
	defer cancel()
	err := errors.New("no etcd member runs")
	for ctx.Err() == nil {
		for _, m := range e.running() {
			if err = e.ask(ctx, m, do); err == nil || !passes(err) {
				return err
			}
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	return err
}

// passes tells whether an error may be gone a moment later.
func passes(err error) bool {
	return errors.Is(err, rpctypes.ErrUnhealthy) || errors.Is(err, rpctypes.ErrMemberLearnerNotReady) ||
		errors.Is(err, rpctypes.ErrNoLeader) ||
		errors.Is(err, rpctypes.ErrTimeout) || errors.Is(err, rpctypes.ErrLeaderChanged) ||
		strings.Contains(err.Error(), "code = Unavailable") ||
		strings.Contains(err.Error(), "code = DeadlineExceeded") ||
		strings.Contains(err.Error(), "not supported for learner")
}

func (e *Members) ask(ctx context.Context, m *realMember, do func(context.Context, pb.ClusterClient) error) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	c, err := grpc.NewClient("passthrough:///"+strings.TrimPrefix(m.clientURL, "https://"),
		grpc.WithTransportCredentials(credentials.NewTLS(e.client)))
	if err != nil {
		return err
	}
	defer c.Close()
	return rpctypes.Error(do(ctx, pb.NewClusterClient(c)))
}

// add gives a member its ports and certificates.
func (e *Members) add(p etcd.Peer) (*realMember, error) {
	m := &realMember{Peer: p, dir: filepath.Join(e.cfg.Dir, p.Name)}
	if err := os.MkdirAll(m.dir, 0o700); err != nil {
		return nil, err
	}
	for _, url := range []*string{&m.clientURL, &m.peerOf} {
		port, err := FreePort()
		if err != nil {
			return nil, err
		}
		*url = fmt.Sprintf("https://127.0.0.1:%d", port)
	}
	crt, key, err := e.cfg.CA.Sign(Leaf{CommonName: p.Name, DNS: []string{p.Name, "etcd-" + p.Name, "localhost"},
		IPs: loopback})
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	e.members[p.Name] = m
	e.mu.Unlock()
	return m, writeFiles(m.dir, map[string][]byte{"ca.crt": e.cfg.CA.PEM, "tls.crt": crt, "tls.key": key})
}

func (e *Members) flags(m *realMember, initial, state string) []string {
	f := func(name string) string { return filepath.Join(m.dir, name) }
	return []string{
		"--name=" + m.Name, "--data-dir=" + f("data"), "--listen-client-urls=" +
			m.clientURL, "--advertise-client-urls=" + m.clientURL,
		"--listen-peer-urls=" + m.peerOf, "--initial-advertise-peer-urls=" + m.peerOf, "--initial-cluster=" +
			initial, "--initial-cluster-state=" + state,
		"--unsafe-no-fsync", "--snapshot-count=5000", "--log-level=warn",
		"--client-cert-auth", "--trusted-ca-file=" + f("ca.crt"), "--cert-file=" + f("tls.crt"), "--key-file=" +
			f("tls.key"),
		"--peer-client-cert-auth", "--peer-trusted-ca-file=" + f("ca.crt"), "--peer-cert-file=" +
			f("tls.crt"), "--peer-key-file=" + f("tls.key"),
	}
}

// storage is how the API server reaches its data in the members: flags and files.
func (e *Members) storage(dir string) (flags []string, err error) {
	crt, key, err := e.cfg.CA.Sign(Leaf{CommonName: "kube-apiserver-etcd-client"})
	if err != nil {
		return nil, err
	}
	f := func(name string) string { return filepath.Join(dir, name) }
	return []string{"--etcd-cafile=" + f("etcd-ca.crt"), "--etcd-certfile=" + f("etcd-client.crt"), "--etcd-keyfile=" +
			f("etcd-client.key")},
		writeFiles(dir, map[string][]byte{"etcd-ca.crt": e.cfg.CA.PEM, "etcd-client.crt": crt, "etcd-client.key": key})
}

// run starts a member's process and waits until it listens.
func (e *Members) run(m *realMember) error {
	p, err := StartProcess(ProcessConfig{Name: "etcd of " + m.Name, Path: e.cfg.Binary, Args: m.args, Dir: m.dir,
		Log: filepath.Join(m.dir, "etcd.log")})
	if err != nil {
		return err
	}
	e.mu.Lock()
	m.process = p
	e.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), memberPatience)
	defer cancel()
	err = p.WaitReady(ctx, func(ctx context.Context) error {
		c, err := e.Dial(ctx, m.Name)
		if err == nil {
			err = c.Close()
		}
		return err
	})
	if err != nil {
		e.Stop(m.Name)
	}
	return err
}
