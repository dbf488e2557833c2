package etcd

import (
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
)

// Storage is of what use the cluster is to the API server, whose data is elsewhere.
type Storage string

// The three states of a storage.
const (
	Serves Storage = "serves"
	Full   Storage = "full" // it is read and not written: alarm NOSPACE
	Lost   Storage = "lost" // no majority answers in time
)

// requestTimeout is how long etcd itself waits for the answer to a request: 5 s and two elections
// (go.etcd.io/etcd/server/v3@v3.6.5 config.ServerConfig.ReqTimeout).
const requestTimeout = 7 * time.Second

// storage is what the members add up to.
func (s *membership) storage() Storage {
	if n := s.count(all); n == 0 || s.count(answers) < majority(n) {
		return Lost
	}
	if s.find(func(m *member) bool { return m.alarm == pb.AlarmType_NOSPACE }) != nil {
		return Full
	}
	return Serves
}

// answers tells whether a member answers the others in time.
func answers(m *member) bool { return m.up && m.latency < requestTimeout }
