package etcd

import (
	"slices"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
)

// healthInterval is how long all voters must have been connected before etcd takes a new member
// (go.etcd.io/etcd/server/v3@v3.6.5 etcdserver.HealthInterval).
const healthInterval = 5 * time.Second

// member is one row of the membership.
type member struct {
	id      uint64
	peer    Peer
	started bool // has run at least once: only then does etcd know its name
	up      bool
	since   time.Time // site time of the last change of up
	learner bool
	alarm   pb.AlarmType
	latency time.Duration
}

// membership is the state of the cluster. Its methods are pure: they look at the rows and change nothing else.
type membership struct {
	rows   []*member // in the order of joining
	leader uint64    // 0: none
	term   uint64
	// version is the cluster's: no member may be older. It only rises.
	version minor
}

func (s *membership) byID(id uint64) *member {
	return s.find(func(m *member) bool { return m.id == id })
}

func (s *membership) byName(name string) *member {
	return s.find(func(m *member) bool { return m.peer.Name == name })
}

func (s *membership) find(is func(*member) bool) *member {
	if i := slices.IndexFunc(s.rows, is); i >= 0 {
		return s.rows[i]
	}
	return nil
}

// count is the number of voters that are so.
func (s *membership) count(so func(*member) bool) int {
	n := 0
	for _, m := range s.rows {
		if !m.learner && so(m) {
			n++
		}
	}
	return n
}

func majority(voters int) int { return voters/2 + 1 }

func all(*member) bool       { return true }
func started(m *member) bool { return m.started }
func up(m *member) bool      { return m.up }

// quorum tells whether a majority of the voters runs.
func (s *membership) quorum() bool {
	n := s.count(all)
	return n > 0 && s.count(up) >= majority(n)
}

// connected counts the voters that the leader has been connected to for healthInterval; it counts itself.
func (s *membership) connected(now time.Time) int {
	return s.count(func(m *member) bool {
		return m.id == s.leader || m.up && now.Sub(m.since) >= healthInterval
	})
}

// mayAdd is the check before a learner is added.
func (s *membership) mayAdd(now time.Time) error {
	switch {
	case !s.quorum():
		return rpctypes.ErrTimeout
	case s.connected(now) < s.count(all):
		return rpctypes.ErrUnhealthy
	}
	return nil
}

// mayPromote is the check before a learner becomes a voter. A learner is in sync when it has run for catchUp.
func (s *membership) mayPromote(m *member, now time.Time, catchUp time.Duration) error {
	switch {
	case !s.quorum():
		return rpctypes.ErrTimeout
	case m == nil:
		return rpctypes.ErrMemberNotFound
	case !m.learner:
		return rpctypes.ErrMemberNotLearner
	case !m.up || now.Sub(m.since) < catchUp:
		return rpctypes.ErrMemberLearnerNotReady
	case s.count(started)+1 < majority(s.count(all)+1):
		return rpctypes.ErrMemberNotEnoughStarted
	}
	return nil
}

// mayRemove is the check before a member is removed: what remains must have a majority.
func (s *membership) mayRemove(m *member, now time.Time) error {
	switch {
	case !s.quorum():
		return rpctypes.ErrTimeout
	case m == nil:
		return rpctypes.ErrMemberNotFound
	case m.learner:
		return nil
	}
	others := func(x *member) bool { return x != m }
	left := s.count(others)
	if s.count(func(x *member) bool { return others(x) && x.started }) < majority(left) {
		return rpctypes.ErrMemberNotEnoughStarted
	}
	if !m.up && m.id != s.leader {
		return nil // it is no part of the active quorum
	}
	if s.connected(now)-1 < majority(left) {
		return rpctypes.ErrUnhealthy
	}
	return nil
}

func (s *membership) remove(m *member) {
	s.rows = slices.DeleteFunc(s.rows, func(x *member) bool { return x == m })
}

// elect gives the cluster a leader if it can have one, and takes it away if it cannot.
func (s *membership) elect() {
	if !s.quorum() {
		s.leader = 0
		return
	}
	if l := s.byID(s.leader); l != nil && l.up && !l.learner {
		return
	}
	var best *member
	for _, m := range s.rows {
		if m.up && !m.learner && (best == nil || m.peer.Name < best.peer.Name) {
			best = m
		}
	}
	s.leader, s.term = best.id, s.term+1
}
