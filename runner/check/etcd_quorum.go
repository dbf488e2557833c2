package check

import (
	"fmt"
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
	voting, healthy, unknown := 0, 0, 0
	var sick []string
	for _, m := range s.ControlPlaneMachines(cluster) {
		if m.Deleting || !m.Voted { // on its way out: its member is removed first; or in, and nobody can ask its member yet
			unknown++
		}
		if !m.Voted || m.Deleting {
			continue
		}
		voting++
		if etcdState(m.Etcd) == "Unknown" {
			unknown++
		}
		if memberHealthy(s, cluster, m) {
			healthy++
			continue
		}
		sick = append(sick, fmt.Sprintf("Machine %s: etcd healthy is %s: %s", m.Name, m.Etcd.Healthy, m.Etcd.Message))
	}
	p, ok := s.ControlPlane(cluster)
	short := ok && p.Available == "False" && strings.Contains(p.Message, quorumText)
	if short && unknown == 0 && s.Now-p.AvailableSince >= blindness {
		return &Breach{
			Message:  fmt.Sprintf("etcd of %s has no quorum", cluster),
			Evidence: fmt.Sprintf("KubeadmControlPlane %s: Available is False: %s", p.Name, p.Message),
		}
	}
	if quorum := voting/2 + 1; voting > 0 && healthy < quorum {
		return &Breach{
			Message: fmt.Sprintf("etcd of %s: got %d of %d voting members healthy, want at least %d",
				cluster, healthy, voting, quorum),
			Evidence: strings.Join(sick, "\n"),
		}
	}
	return nil
}

// memberHealthy gives the benefit of the doubt to what is not known, unless it was looked for in vain and for long.
func memberHealthy(s *Estate, cluster string, m *Machine) bool {
	switch etcdState(m.Etcd) {
	case "False":
		return false
	case "Unknown":
		return !inVain(s, cluster, m) || s.Now-m.EtcdSince < blindness
	}
	return true
}

// inVain tells that the member itself did not answer. Other messages say that nobody came as far as asking it ("Last
// successful probe at", "Failed to get the Node"), or that the member answered, but not everything ("Failed to get etcd
// alarms"). The way to a member leads through the endpoint of its cluster: while that does not answer either, nobody came
// as far, whatever the message, which depends on who looked first.
// Source: cluster-api@v1.13.4 controlplane/kubeadm updateManagedEtcdConditions, setConditionsToUnknown.
func inVain(s *Estate, cluster string, m *Machine) bool {
	if e, known := s.endpoints[cluster]; known && !e.Answers {
		return false
	}
	return strings.HasPrefix(m.Etcd.Message, "Failed to connect to etcd") ||
		strings.HasPrefix(m.Etcd.Message, "Failed to get etcd members")
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
		if away := s.Now - m.EtcdSince; etcdState(m.Etcd) == "Unknown" && !inVain(s, cluster, m) && away >= blindness {
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
