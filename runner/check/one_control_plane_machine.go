package check

import (
	"fmt"
	"strings"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

var oneControlPlaneMachine = Invariant{
	ID: "one-control-plane-machine-at-a-time",
	Doc: "never more than one control-plane machine is being deleted, and never are there more of them than " +
		"replicas and surge allow",
	Recovery: "pause the Cluster and see who deletes machines beside its KubeadmControlPlane",
	Source:   "sigs.k8s.io/cluster-api@v1.13.4 controlplane/kubeadm/internal/controllers/scale.go",
	Sees: func(b journal.Body) bool {
		m, ok := b.(*journal.Machine)
		return ok && m.Role == journal.RoleControlPlane
	},
	Broken: func(s *Estate) *Breach {
		for _, c := range s.Clusters() {
			if b := tooManyAtOnce(s, c); b != nil {
				return b
			}
		}
		return nil
	},
}

func tooManyAtOnce(s *Estate, cluster string) *Breach {
	all := s.ControlPlaneMachines(cluster)
	var names, deleting []string
	for _, m := range all {
		names = append(names, m.Name)
		if m.Deleting {
			deleting = append(deleting, m.Name)
		}
	}
	if len(deleting) > 1 {
		return &Breach{
			Message:  fmt.Sprintf("control plane of %s: got %d machines being deleted, want one", cluster, len(deleting)),
			Evidence: strings.Join(deleting, ", "),
		}
	}
	p, ok := s.ControlPlane(cluster)
	if ok && len(all) > s.most[cluster] {
		return &Breach{
			Message: fmt.Sprintf("control plane of %s: got %d machines, want at most %d (%d replicas, surge %d)",
				cluster, len(all), s.most[cluster], p.Replicas, p.MaxSurge),
			Evidence: strings.Join(names, ", "),
		}
	}
	return nil
}

// allowMachines keeps how many machines each control plane may have. To ask for fewer takes none away at once: those that
// are there may stay until they go.
func (s *Estate) allowMachines() {
	for _, c := range s.Clusters() {
		p, _ := s.ControlPlane(c)
		s.most[c] = max(p.Replicas+p.MaxSurge, min(s.most[c], len(s.ControlPlaneMachines(c))))
	}
}
