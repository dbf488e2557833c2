package check

import (
	"fmt"

	"github.com/blang/semver/v4"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

// Kubernetes supports no control plane that skips a minor version, and etcd's data goes from one to the next only.
var controlPlaneOneMinor = Invariant{
	ID: "control-plane-one-minor-at-a-time",
	Doc: "neither a control plane nor any machine of it is more than one Kubernetes minor version above its oldest " +
		"machine",
	Recovery: "bring the machines that stayed behind to the version between before anything else is edited",
	Source:   "001_b91d9add2570b717.txt, Preparing for Cross-Version Upgrades",
	Sees: func(b journal.Body) bool {
		m, ok := b.(*journal.Machine)
		return ok && m.Role == journal.RoleControlPlane && m.Version != ""
	},
	Broken: func(s *Estate) *Breach {
		for _, c := range s.Clusters() {
			if b := minorSkipped(s, c); b != nil {
				return b
			}
		}
		return nil
	},
}

func minorSkipped(s *Estate, cluster string) *Breach {
	type stated struct {
		who, version string
		of           semver.Version
	}
	var all []stated
	add := func(who, text string) {
		if v, err := semver.ParseTolerant(text); err == nil {
			all = append(all, stated{who, text, v})
		}
	}
	for _, m := range s.ControlPlaneMachines(cluster) {
		add("Machine "+m.Name, m.Version)
		add("the kubelet of Machine "+m.Name, m.Kubelet)
	}
	if len(all) == 0 {
		return nil
	}
	oldest := all[0]
	for _, x := range all {
		if minorLess(x.of, oldest.of) {
			oldest = x
		}
	}
	if p, ok := s.ControlPlane(cluster); ok {
		add("KubeadmControlPlane "+p.Name, p.Version)
	}
	for _, x := range all {
		if x.of.Major != oldest.of.Major || x.of.Minor > oldest.of.Minor+1 {
			return &Breach{
				Message: fmt.Sprintf("control plane of %s: got %s beside %s, want at most one minor version between them",
					cluster, x.version, oldest.version),
				Evidence: fmt.Sprintf("%s is at %s, %s at %s", x.who, x.version, oldest.who, oldest.version),
			}
		}
	}
	return nil
}
