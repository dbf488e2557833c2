package etcd

import (
	"cmp"
	"fmt"

	"github.com/blang/semver/v4"
)

// minor is a version as members compare it; the zero value is not known.
type minor struct{ major, minor uint64 }

// minorOf reads a version; what is none is not known.
func minorOf(version string) minor {
	v, err := semver.ParseTolerant(version)
	if err != nil {
		return minor{}
	}
	return minor{v.Major, v.Minor}
}

func (a minor) known() bool { return a != minor{} }

func (a minor) less(b minor) bool {
	return cmp.Or(cmp.Compare(a.major, b.major), cmp.Compare(a.minor, b.minor)) < 0
}

func (a minor) String() string {
	if !a.known() {
		return ""
	}
	return fmt.Sprintf("%d.%d", a.major, a.minor)
}

// mayStart is the check of a member's process when it starts: it must not be older than the cluster. A newer one is
// fine (go.etcd.io/etcd/server/v3@v3.6.5 etcdserver/cluster_util.go isCompatibleWithCluster and allowedVersionRange when
// it joins, etcdserver/version/downgrade.go MustDetectDowngrade when it comes back).
func (s *membership) mayStart(m *member) error {
	if v := minorOf(m.peer.Version); v.known() && v.less(s.version) {
		return fmt.Errorf("etcd %s: %w: cluster version %s is higher than the server version %s", m.peer.Name,
			ErrIncompatible, s.version, m.peer.Version)
	}
	return nil
}

// raise makes the cluster's version that of the oldest member, learners included, once every member runs and a leader
// can say so (etcdserver/version/monitor.go decideClusterVersion; the leader looks every 4 s).
func (s *membership) raise() {
	if s.leader == 0 {
		return
	}
	var oldest minor
	for _, m := range s.rows {
		v := minorOf(m.peer.Version)
		if !m.up || !v.known() {
			return
		}
		if !oldest.known() || v.less(oldest) {
			oldest = v
		}
	}
	if s.version.less(oldest) {
		s.version = oldest
	}
}
