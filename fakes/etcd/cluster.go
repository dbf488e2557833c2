package etcd

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"slices"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/rehearse-dev/rehearse/fakes/fakekit"
)

// Config of a Cluster.
type Config struct {
	Name  string // of the workload cluster
	Seed  int64
	Clock fakekit.Clock
	// Certificate returns the serving certificate of a member. It is asked once per start of a member.
	Certificate func(member string) (tls.Certificate, error)
	ClientCAs   *x509.CertPool // who may call
	// CatchUp is how long a learner must run before it is in sync with the leader, in site time.
	CatchUp time.Duration
	// Patience is how slow a member may be before its clients give up on it; 0: 15 s, which is what
	// KubeadmControlPlane waits (sigs.k8s.io/cluster-api@v1.13.4 etcd.DefaultCallTimeout).
	Patience time.Duration
	// OnStorage is told whenever the cluster's use as a storage changes, and of the first member. Calls come one at a
	// time; the last one tells how it is. It may not call the Cluster. Nil: nobody is told.
	OnStorage func(Storage)
}

// Peer is a machine's etcd as it introduces itself.
type Peer struct {
	Name    string // node name
	IP      string
	Version string // "3.6.6"; "": not known, which neither raises the cluster's version nor is refused
}

// Member is what a member looks like from outside.
type Member struct {
	Peer
	ID                  uint64
	Up, Leader, Learner bool
}

// Cluster is an etcd cluster. The zero value is not usable; make one with New. All methods may be called from any
// goroutine, and none waits for site time.
type Cluster struct {
	cfg Config
	id  uint64

	mu      sync.Mutex
	s       membership
	joins   int
	servers map[uint64]*server

	report sync.Mutex // serialises OnStorage
	told   Storage    // "": nothing yet
}

// New returns a cluster without members.
func New(c Config) *Cluster {
	if c.Patience == 0 {
		c.Patience = 15 * time.Second
	}
	return &Cluster{cfg: c, id: hash(c.Name, fmt.Sprint(c.Seed)), servers: map[uint64]*server{}}
}

func hash(words ...string) uint64 {
	h := fnv.New64a()
	for _, w := range words {
		h.Write([]byte(w))
		h.Write([]byte{0})
	}
	return h.Sum64()
}

// Bootstrap starts a new cluster of voters that have been connected for long, as kubeadm init does with one and as a
// world does with the members of a cluster that is already running. Doing it again with the same peers is fine.
func (c *Cluster) Bootstrap(peers ...Peer) error {
	return c.change(func(now time.Time) error {
		if len(c.s.rows) > 0 {
			return c.bootstrapped(peers)
		}
		for _, p := range peers {
			m := c.newLocked(p)
			m.started, m.up, m.since = true, true, now.Add(-healthInterval)
			if err := c.serveLocked(m); err != nil {
				return err
			}
		}
		return nil
	})
}

// bootstrapped is nil when the members are these peers.
func (c *Cluster) bootstrapped(peers []Peer) error {
	if len(peers) == len(c.s.rows) && !slices.ContainsFunc(peers, func(p Peer) bool { return c.s.byName(p.Name) == nil }) {
		return nil
	}
	return errors.New("etcd: the cluster has members already")
}

// ErrIncompatible is why etcd's process ends when it is older than the cluster that it shall join. The words are etcd's
// (go.etcd.io/etcd/server/v3@v3.6.5 etcdserver/bootstrap.go, bootstrapExistingClusterNoWAL).
var ErrIncompatible = errors.New("incompatible with current running cluster")

// AddLearner adds a member that does not vote yet and has not started, as kubeadm join does first. A name that is
// already a member's is fine. Errors are etcd's (rpctypes); ErrUnhealthy passes once all voters are up for 5 s.
func (c *Cluster) AddLearner(p Peer) error {
	return c.change(func(now time.Time) error {
		if c.s.byName(p.Name) != nil {
			return nil
		}
		if err := c.s.mayAdd(now); err != nil {
			return err
		}
		c.newLocked(p).learner = true
		return nil
	})
}

// Start runs the etcd process of a member, for the first time or again. ErrIncompatible: the member's minor version is
// lower than the cluster's; it stays a member that has not started.
func (c *Cluster) Start(name string) error {
	return c.change(func(now time.Time) error {
		m := c.s.byName(name)
		switch {
		case m == nil:
			return rpctypes.ErrMemberNotFound
		case m.up:
			return nil
		}
		if err := c.s.mayStart(m); err != nil {
			return err
		}
		m.started, m.up, m.since = true, true, now
		return c.serveLocked(m)
	})
}

// Promote makes a learner a voter. Errors are etcd's (rpctypes); ErrMemberLearnerNotReady passes when the learner has
// caught up.
func (c *Cluster) Promote(name string) error {
	return c.change(func(now time.Time) error {
		m := c.s.byName(name)
		if m != nil && !m.learner {
			return nil
		}
		if err := c.s.mayPromote(m, now, c.cfg.CatchUp); err != nil {
			return err
		}
		m.learner = false
		return nil
	})
}

// Stop ends the etcd process of a member, or its machine. The member stays a member until somebody removes it.
func (c *Cluster) Stop(name string) {
	_ = c.change(func(now time.Time) error {
		if m := c.s.byName(name); m != nil && m.up {
			m.up, m.since = false, now
			c.stopLocked(m.id)
		}
		return nil
	})
}

// SetAlarm raises an alarm of a member, or clears it with AlarmType_NONE. With NOSPACE the storage is full.
func (c *Cluster) SetAlarm(name string, a pb.AlarmType) error {
	return c.update(name, func(m *member) { m.alarm = a })
}

// SetLatency makes a member slow. From Config.Patience on its clients give up on it; from requestTimeout on it is of no
// use to the storage. What is faster nobody notices.
func (c *Cluster) SetLatency(name string, d time.Duration) error {
	return c.update(name, func(m *member) { m.latency = d })
}

func (c *Cluster) update(name string, do func(*member)) error {
	return c.change(func(time.Time) error {
		m := c.s.byName(name)
		if m == nil {
			return rpctypes.ErrMemberNotFound
		}
		do(m)
		return nil
	})
}

// Dial connects to the client port on a machine. Without a running member there the connection is refused.
func (c *Cluster) Dial(ctx context.Context, name string) (net.Conn, error) {
	c.mu.Lock()
	var s *server
	if m := c.s.byName(name); m != nil {
		s = c.servers[m.id]
	}
	c.mu.Unlock()
	if s == nil {
		return nil, errors.New("dial tcp4 127.0.0.1:2379: connect: connection refused")
	}
	return s.lis.DialContext(ctx)
}

// Members lists the members by name.
func (c *Cluster) Members() []Member {
	c.mu.Lock()
	defer c.mu.Unlock()
	var l []Member
	for _, m := range c.s.rows {
		l = append(l, Member{Peer: m.peer, ID: m.id, Up: m.up, Leader: m.id == c.s.leader, Learner: m.learner})
	}
	slices.SortFunc(l, func(a, b Member) int { return cmp.Compare(a.Name, b.Name) })
	return l
}

// Peers lists the members as they introduced themselves, in the order of joining.
func (c *Cluster) Peers() []Peer {
	c.mu.Lock()
	defer c.mu.Unlock()
	var l []Peer
	for _, m := range c.s.rows {
		l = append(l, m.peer)
	}
	return l
}

// storage is what the API server finds.
func (c *Cluster) storage() Storage {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.s.storage()
}

// Close ends all members. OnStorage is not called for it.
func (c *Cluster) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range c.servers {
		c.stopLocked(id)
	}
}

// change runs do under the lock, elects, and tells of the storage.
func (c *Cluster) change(do func(now time.Time) error) error {
	c.cfg.Clock.Touch()
	now := c.cfg.Clock.Now()
	c.mu.Lock()
	err := do(now)
	c.s.elect()
	c.s.raise()
	c.mu.Unlock()
	c.tell()
	return err
}

func (c *Cluster) tell() {
	if c.cfg.OnStorage == nil {
		return
	}
	c.report.Lock()
	defer c.report.Unlock()
	now := c.storage()
	if now == c.told || c.told == "" && now == Lost {
		return
	}
	c.told = now
	c.cfg.OnStorage(now)
}

// newLocked appends a member. Ids are the same in every run; a machine that joins again gets a new one.
func (c *Cluster) newLocked(p Peer) *member {
	c.joins++
	m := &member{id: hash(c.cfg.Name, p.Name, fmt.Sprint(c.cfg.Seed), fmt.Sprint(c.joins)), peer: p}
	c.s.rows = append(c.s.rows, m)
	return m
}
