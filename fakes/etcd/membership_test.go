package etcd

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestNoReconfigurationLosesQuorum drives the rules alone: whatever is allowed leaves a majority that runs.
func TestNoReconfigurationLosesQuorum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now, next := time.Time{}, uint64(1)
		s := &membership{rows: []*member{{id: next, peer: Peer{Name: "m1"}, started: true, up: true}}}
		s.elect()
		pick := func(t *rapid.T) *member {
			if len(s.rows) == 0 {
				t.Skip("no members")
			}
			return rapid.SampledFrom(s.rows).Draw(t, "member")
		}
		reconfigure := func(t *rapid.T, what string, may error, do func()) {
			before := s.quorum()
			if may != nil {
				return
			}
			if !before {
				t.Fatalf("%s: allowed without quorum", what)
			}
			do()
			s.elect()
			if !s.quorum() {
				t.Fatalf("%s: allowed, and quorum is lost", what)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"time passes": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(0, 8).Draw(t, "seconds")) * time.Second)
			},
			"a process ends": func(t *rapid.T) { m := pick(t); m.up, m.since = false, now; s.elect() },
			"a process starts": func(t *rapid.T) {
				if m := pick(t); !m.up {
					m.started, m.up, m.since = true, true, now
					s.elect()
				}
			},
			"add a learner": func(t *rapid.T) {
				reconfigure(t, "add", s.mayAdd(now), func() {
					next++
					s.rows = append(s.rows, &member{id: next, peer: Peer{Name: fmt.Sprint("m", next)}, learner: true})
				})
			},
			"promote": func(t *rapid.T) {
				m := pick(t)
				reconfigure(t, "promote", s.mayPromote(m, now, 2*time.Second), func() { m.learner = false })
			},
			"remove": func(t *rapid.T) {
				m := pick(t)
				reconfigure(t, "remove", s.mayRemove(m, now), func() { s.remove(m) })
			},
			"": func(t *rapid.T) {
				l := s.byID(s.leader)
				if s.quorum() != (l != nil && l.up && !l.learner) {
					t.Fatalf("quorum %v with leader %+v", s.quorum(), l)
				}
			},
		})
	})
}
