package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

var etcdQuorum = Invariant{
	ID:       "etcd-quorum",
	Doc:      "at every moment enough voting etcd members are healthy to form a quorum",
	Recovery: "bring the members back, or restore etcd from a backup; nothing can be rolled, and nothing rolled back, before that",
	Source:   "000_d64b8bff74bf7917.txt, Rolling Back a Failed Upgrade",
	Sees: func(b journal.Body) bool {
		m, ok := b.(*journal.Machine)
		return ok && m.Role == journal.RoleControlPlane && (etcdState(m.Etcd) == "True" || etcdState(m.Etcd) == "False")
	},
	Broken: func(s *Estate) *Breach {
		for _, c := range s.Clusters() {
			if b := quorumLost(s, c); b != nil {
				return b
			}
		}
		return nil
	},
	Blind: func(s *Estate) string {
		for _, c := range s.Clusters() {
			if text := quorumOutOfSight(s, c); text != "" {
				return text
			}
		}
		return ""
	},
}

// blindness is how long, in site seconds, a member may stay out of sight, or the control plane's own count fall short
// while every member is seen healthy, before it counts. One call to an etcd member that ran into its timeout says nothing
// about the member; the next look at it comes within this time.
const blindness = 120

// quorumText is what KubeadmControlPlane's condition Available says when its own count falls short. It counts a member
// that it could not ask just now, or whose machine is being deleted, as unhealthy, and says so until it looks again after
// the machine has gone: its word is taken when it has stood for some time.
// Source: cluster-api@v1.13.4 controlplane/kubeadm setAvailableCondition.
const quorumText = "required for etcd quorum"

func quorumLost(s *Estate, cluster string) *Breach {
	p, _ := s.ControlPlane(cluster)
	if since, short := s.doubts[key{cluster, ""}]; short && s.lasted(since, blindness) {
		return &Breach{
			Message:  fmt.Sprintf("etcd of %s has no quorum", cluster),
			Evidence: fmt.Sprintf("KubeadmControlPlane %s: Available is False: %s", p.Name, p.Message),
		}
	}
	members := votingMembers(s, cluster)
	var sick []string
	for _, m := range members {
		if !memberHealthy(s, m) {
			sick = append(sick, fmt.Sprintf("Machine %s: etcd healthy is %s: %s", m.Name, m.Etcd.Healthy, m.Etcd.Message))
		}
	}
	voting, healthy := len(members), len(members)-len(sick)
	if quorum := voting/2 + 1; voting > 0 && healthy < quorum {
		return &Breach{
			Message: fmt.Sprintf("etcd of %s: got %d of %d voting members healthy, want at least %d",
				cluster, healthy, voting, quorum),
			Evidence: strings.Join(sick, "\n"),
		}
	}
	return nil
}

// votingMembers is the machines whose members count. A machine that is being deleted keeps its member while it is
// drained, and is asked no more; that the member has left is told by the others.
func votingMembers(s *Estate, cluster string) []*Machine {
	return slices.DeleteFunc(s.ControlPlaneMachines(cluster), func(m *Machine) bool { return !m.Voted || m.Left })
}

// What is said of the member of a machine that is being deleted: that it is asked no more, or that it has left. The
// second of each is the older condition's.
// Source: cluster-api@v1.13.4 controlplane/kubeadm updateManagedEtcdConditions, compareMachinesAndMembers.
var (
	unaskedTexts = []string{"Machine is deleting", "Deleting"}
	leftTexts    = []string{"Etcd doesn't have an etcd member", "Missing etcd member"}
)

func says(e *journal.Etcd, texts []string) bool {
	return e != nil && slices.ContainsFunc(texts, func(t string) bool { return strings.HasPrefix(e.Message, t) })
}

// memberHealthy gives the benefit of the doubt to what is not known, unless it was looked for in vain and for long.
func memberHealthy(s *Estate, m *Machine) bool {
	since, doubted := s.doubts[key{m.Cluster, m.Name}]
	return !m.Sick && !(doubted && inVain(m) && s.lasted(since, blindness))
}

// inVain tells that the member itself did not answer. Other messages say that nobody came as far as asking it ("Last
// successful probe at", "Failed to get the Node"), or that the member answered, but not everything ("Failed to get etcd
// alarms").
// Source: cluster-api@v1.13.4 controlplane/kubeadm updateManagedEtcdConditions, setConditionsToUnknown.
func inVain(m *Machine) bool {
	return etcdState(m.Etcd) == "Unknown" && says(m.Etcd, []string{"Failed to connect to etcd", "Failed to get etcd members"})
}

// dateDoubts keeps since when there has been a doubt about each control plane's count, and about each member. The way to
// a member leads through the endpoint of its cluster: while that does not answer nobody comes as far, whatever the
// message, which depends on who looked first, and when it answers again somebody has to look again.
func (s *Estate) dateDoubts() {
	for _, c := range s.Clusters() {
		s.doubt(key{c, ""}, countsTooFew(s, c))
		e, known := s.endpoints[c]
		for _, m := range s.ControlPlaneMachines(c) {
			k := key{c, m.Name}
			_, before := s.doubts[k]
			s.doubt(k, (!known || e.Answers) && (inVain(m) || before && etcdState(m.Etcd) == "Unknown"))
		}
	}
}

func (s *Estate) doubt(k key, there bool) {
	if _, before := s.doubts[k]; !before || !there {
		set(s.doubts, k, s.Now, !there)
	}
}

// countsTooFew tells that the control plane says so while it could ask every member.
func countsTooFew(s *Estate, cluster string) bool {
	for _, m := range s.ControlPlaneMachines(cluster) {
		if m.Deleting || !m.Voted || etcdState(m.Etcd) == "Unknown" {
			return false
		}
	}
	p, ok := s.ControlPlane(cluster)
	return ok && p.Available == "False" && strings.Contains(p.Message, quorumText)
}

// quorumOutOfSight says that so many members have been out of sight for so long, through no fault of theirs, that
// nobody can tell whether there is a quorum; "" when it can be told.
func quorumOutOfSight(s *Estate, cluster string) string {
	voting, seen := 0, 0
	var unseen []string
	for _, m := range s.ControlPlaneMachines(cluster) {
		if !m.Voted || m.Deleting {
			continue
		}
		voting++
		if etcdState(m.Etcd) == "Unknown" && memberHealthy(s, m) && s.lasted(m.EtcdSince, blindness) {
			unseen = append(unseen, fmt.Sprintf("Machine %s: %s", m.Name, m.Etcd.Message))
			continue
		}
		seen++
	}
	if quorum := voting/2 + 1; voting == 0 || seen >= quorum {
		return ""
	}
	return fmt.Sprintf("etcd of %s could not be observed for %d s: got %d of %d voting members in sight: %s",
		cluster, blindness, seen, voting, strings.Join(unseen, "; "))
}
