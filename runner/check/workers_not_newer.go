package check

import (
	"fmt"

	"github.com/blang/semver/v4"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

var workersNotNewer = Invariant{
	ID:       "workers-not-newer",
	Doc:      "no worker is of a newer Kubernetes minor version than the oldest control-plane machine",
	Recovery: "upgrade the control plane, and the workers after it: a kubelet must not be newer than its API server",
	Source:   "000_d64b8bff74bf7917.txt, Upgrade the worker nodes",
	Sees: func(b journal.Body) bool {
		m, ok := b.(*journal.Machine)
		return ok && m.Role != journal.RoleControlPlane && m.Version != ""
	},
	Broken: func(s *Estate) *Breach {
		for _, c := range s.Clusters() {
			if b := workerNewer(s, c); b != nil {
				return b
			}
		}
		return nil
	},
}

func workerNewer(s *Estate, cluster string) *Breach {
	var oldest *Machine
	var lowest semver.Version
	for _, m := range s.ControlPlaneMachines(cluster) {
		for _, text := range []string{m.Version, m.Kubelet} { // what is wanted, and what the VM image really brought
			if v, err := semver.ParseTolerant(text); err == nil && (oldest == nil || minorLess(v, lowest)) {
				oldest, lowest = m, v
			}
		}
	}
	if oldest == nil {
		return nil
	}
	for _, m := range s.Machines(cluster) {
		if m.Role == journal.RoleControlPlane {
			continue
		}
		for _, text := range []string{m.Version, m.Kubelet} {
			if v, err := semver.ParseTolerant(text); err == nil && minorLess(lowest, v) {
				return &Breach{
					Message: fmt.Sprintf("worker %s of %s is newer than its control plane: got %s, want at most v%d.%d",
						m.Name, cluster, text, lowest.Major, lowest.Minor),
					Evidence: fmt.Sprintf("control-plane Machine %s is at %s, its kubelet at %s", oldest.Name, oldest.Version,
						oldest.Kubelet),
				}
			}
		}
	}
	return nil
}

func minorLess(a, b semver.Version) bool {
	return a.Major < b.Major || a.Major == b.Major && a.Minor < b.Minor
}
