package expect_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rehearse-dev/rehearse/runner/expect"
	"github.com/rehearse-dev/rehearse/runner/journal"
)

// machines are two old control-plane machines and one that comes later, or at the moment of the first step.
func machines(old1, old2, fresh string) story {
	return append(append(atOnce(old1, old2), preflight...), 10*time.Minute, controlPlane(fresh))
}

func atOnce(old1, old2 string, fresh ...string) story {
	s := story{controlPlane(old1), controlPlane(old2)}
	for i, name := range fresh {
		if i == 0 {
			s = append(s, preflight...)
		}
		s = append(s, controlPlane(name), 10*time.Minute)
	}
	return s
}

func controlPlane(name string) journal.Machine {
	return journal.Machine{Cluster: "prod-a", Name: name, Role: journal.RoleControlPlane, Phase: "Running"}
}

func hit(targets ...string) story {
	s := story{journal.FaultArmed{ID: "etcd-member-down"}}
	for _, t := range targets {
		s = append(s, journal.FaultFired{ID: "etcd-member-down", Target: t})
	}
	return s
}

func TestTheSameRunTwice(t *testing.T) {
	at := func(m story, target string, more ...story) *journal.Run {
		return told(t, append(append([]story{m, hit("member " + target)}, more...), completed)...)
	}
	old := []string{"cp-a1", "cp-a2"}
	twice := func(fresh ...string) story { return atOnce(old[0], old[1], fresh...) }
	waited := func(e journal.StepEnded) story { return begun(journal.StepKindWait, "rolled", e) }
	back := func(l journal.Level) story {
		return append(slices.Clone(edit), journal.Reversibility{Step: "control-plane", Level: l})
	}
	a := at(machines("cp-a1", "cp-a2", "cp-a3"), "cp-a3")
	for _, c := range []struct {
		name string
		a, b *journal.Run
		want string // "" when they are the same
	}{
		{"names drawn anew", a, at(machines("cp-a1", "cp-a2", "cp-b1"), "cp-b1"), ""},
		{"another machine, one of before", a, at(machines("cp-a1", "cp-a2", "cp-b1"), "cp-a2"),
			"fault 1: got etcd-member-down at member cp-a2, healed false, and etcd-member-down at member prod-a/control-plane#1"},
		{"another machine of the same names", a, at(machines("cp-a1", "cp-a2", "cp-a3"), "cp-a1"), "at member cp-a1"},
		{"a new machine that is there in the second of the first step", at(machines("cp-a1", "cp-a2", "cp-n1"), "cp-n1"), at(twice("cp-n9"), "cp-n9"), ""},
		{"the name of the first new machine is another one's", at(twice("cp-n1", "cp-n2"), "cp-n1"), at(twice("cp-n2", "cp-n1"), "cp-n2"), ""},
		{"the same name for another machine", at(twice("cp-n1", "cp-n2"), "cp-n1"), at(twice("cp-n2", "cp-n1"), "cp-n1"),
			"at member prod-a/control-plane#2, healed false, and etcd-member-down at member prod-a/control-plane#1"},
		{"old machines of other names", at(machines("cp-a1", "cp-a2", "cp-a3"), "cp-a1"), at(machines("cp-b1", "cp-b2", "cp-b3"), "cp-b2"), ""},
		{"old here and new there", at(machines("cp-a1", "cp-a2", "cp-a3"), "cp-a1"), at(machines("cp-b1", "cp-b2", "cp-a1"), "cp-a1"),
			"at member prod-a/control-plane#1, healed false, and etcd-member-down at member prod-a/control-plane of before"},
		{"once more", a, told(t, machines("cp-a1", "cp-a2", "cp-b1"), hit("member cp-b1", "member cp-b1 again"), completed), "and member prod-a/control-plane#1 again"},
		{"another verdict", a, told(t, machines("cp-a1", "cp-a2", "cp-a3"), hit("member cp-a3"), ends(journal.Fail, 1, "x", 600)), "end 1: got fail, exit 1, and pass, exit 0 the first time"},
		{"another outcome", a, at(machines("cp-a1", "cp-a2", "cp-a3"), "cp-a3", step("templates", journal.StepEnded{Outcome: journal.Noop})), "step 2: got step templates noop, and none the first time"},
		{"other writes", told(t, step("edit", journal.StepEnded{Writes: 1}), completed), told(t, step("edit", journal.StepEnded{Writes: 2}), completed),
			"step 1: got step edit done, writes 2, and step edit done, writes 1 the first time"},
		{"stuck here and broken there", told(t, waited(journal.StepEnded{Outcome: journal.Failed, Code: "x", Expired: true}), completed),
			told(t, waited(journal.StepEnded{Outcome: journal.Failed, Code: "x"}), completed), "step 1: got wait rolled failed x, and wait rolled failed x, its time was up the first time"},
		{"another way back, as it was seen at another time", told(t, back(journal.Reversible), completed), told(t, back(journal.DataStays), completed), ""},
		{"in another step, at another time", told(t, preflight, hit("x"), story{time.Minute}, edit, completed), told(t, preflight, edit, story{time.Hour}, hit("x"), completed), ""},
		{"another claim", a, at(machines("cp-a1", "cp-a2", "cp-a3"), "cp-a3", held), "invariant 1: got etcd-quorum pass, and none"},
		{"cut off", a, told(t, machines("cp-a1", "cp-a2", "cp-a3"), hit("member cp-a3")), "end 1: got cut off"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := strings.Join(expect.Differences(c.a, c.b), "\n")
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
