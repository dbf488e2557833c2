package check

import (
	"fmt"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

// The cloud provider gives a node its provider id and takes the taint of an uninitialised node from it; without it no
// node joins (000_d64b8bff74bf7917.txt, "Verification": the vSphere CPI daemonset remains available).
var cpiAvailable = Invariant{
	ID:       "cpi-available",
	Doc:      "whenever a node is joining, at least one pod of the vSphere cloud provider is available on the workload cluster",
	Recovery: "bring a pod of the vSphere cloud provider back on the workload cluster: nodes that join wait for it",
	Source:   "000_d64b8bff74bf7917.txt, Verification",
	Sees: func(b journal.Body) bool {
		_, ok := b.(*journal.CloudProvider)
		return ok
	},
	Broken: func(s *Estate) *Breach {
		for _, c := range s.Clusters() {
			if b := joinsWithoutProvider(s, c); b != nil {
				return b
			}
		}
		return nil
	},
}

// absence is how long, in site seconds, a node that joins may be without a cloud provider: its pods move with the nodes
// that they run on. A guess.
const absence = 120

func joinsWithoutProvider(s *Estate, cluster string) *Breach {
	p, known := s.providers[cluster]
	if !known || p.Available > 0 || !s.lasted(p.Since, absence) {
		return nil
	}
	if e, known := s.endpoints[cluster]; known && !e.Answers {
		return nil // nobody tells what its pods do
	}
	for _, m := range s.Machines(cluster) {
		if m.Phase != "Provisioned" || m.Node != "" || m.Deleting || !s.lasted(m.PhaseSince, absence) {
			continue
		}
		evidence := fmt.Sprintf("%d of %d pods are available", p.Available, p.Desired)
		if p.Missing {
			evidence = "there is no such DaemonSet"
		}
		return &Breach{
			Message: fmt.Sprintf("node of Machine %s joins %s without a vSphere cloud provider", m.Name, cluster),
			Evidence: fmt.Sprintf("DaemonSet %s/%s: %s, for %.0f s", providerNamespace, providerName, evidence,
				s.Now-p.Since),
		}
	}
	return nil
}
