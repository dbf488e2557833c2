package expect_test

import (
	"strings"
	"testing"
	"time"

	"github.com/rehearse-dev/rehearse/runner/expect"
	"github.com/rehearse-dev/rehearse/runner/journal"
)

// machines are two old control-plane machines and one that comes later.
func machines(old1, old2, fresh string) story {
	m := func(name string) journal.Machine {
		return journal.Machine{Cluster: "prod-a", Name: name, Role: journal.RoleControlPlane, Phase: "Running"}
	}
	return append(append(story{m(old1), m(old2)}, preflight...), 10*time.Minute, m(fresh))
}

func hit(targets ...string) story {
	s := story{journal.FaultArmed{ID: "etcd-member-down"}}
	for _, t := range targets {
		s = append(s, journal.FaultFired{ID: "etcd-member-down", Target: t})
	}
	return s
}

func TestTheSameRunTwice(t *testing.T) {
	a := told(t, machines("cp-a1", "cp-a2", "cp-a3"), hit("member cp-a3"), completed)
	for _, c := range []struct {
		name string
		b    *journal.Run
		want string // "" when they are the same
	}{
		{"names drawn anew", told(t, machines("cp-b9", "cp-b7", "cp-b1"), hit("member cp-b1"), completed), ""},
		{"another machine", told(t, machines("cp-b9", "cp-b7", "cp-b1"), hit("member cp-b7"), completed),
			"fault 1: got etcd-member-down at member prod-a/control-plane#1, healed false, and etcd-member-down at member prod-a/control-plane#2"},
		{"another machine of the same names", told(t, machines("cp-a1", "cp-a2", "cp-a3"), hit("member cp-a1"), completed), "at member cp-a1"},
		{"once more", told(t, machines("cp-b9", "cp-b7", "cp-b1"), hit("member cp-b1", "member cp-b1 again"), completed), "and member prod-a/control-plane#2 again"},
		{"another verdict", told(t, machines("cp-a1", "cp-a2", "cp-a3"), hit("member cp-a3"), ends(journal.Fail, 1, "x", 600)), "end 1: got fail, exit 1, and pass, exit 0 the first time"},
		{"another outcome", told(t, machines("cp-a1", "cp-a2", "cp-a3"), hit("member cp-a3"), step("templates", journal.StepEnded{Outcome: journal.Noop}), completed), "step 2: got step templates noop, and none the first time"},
		{"another claim", told(t, machines("cp-a1", "cp-a2", "cp-a3"), hit("member cp-a3"), held, completed), "invariant 1: got etcd-quorum pass, and none"},
		{"cut off", told(t, machines("cp-a1", "cp-a2", "cp-a3"), hit("member cp-a3")), "end 1: got cut off"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := strings.Join(expect.Differences(a, c.b), "\n")
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
