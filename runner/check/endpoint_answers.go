package check

import (
	"fmt"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

var endpointAnswers = Invariant{
	ID: "endpoint-answers",
	Doc: "the control-plane endpoint of a workload cluster answers all the time; a failover from one API server to the " +
		"next may take a minute",
	Recovery: "look at the virtual address and the API servers behind it; nothing can be verified, or rolled back, without them",
	Source:   "000_d64b8bff74bf7917.txt, Prerequisites",
	Sees: func(b journal.Body) bool {
		_, ok := b.(*journal.Endpoint)
		return ok
	},
	Broken: func(s *Estate) *Breach {
		for _, c := range s.Clusters() {
			if e, known := s.endpoints[c]; known && !e.Answers && s.lasted(e.Since, failover) {
				return &Breach{
					Message:  fmt.Sprintf("the control-plane endpoint of %s has not answered for %d s", c, failover),
					Evidence: fmt.Sprintf("since %.0f s of the run: %s", e.Since, e.Message),
				}
			}
		}
		return nil
	},
}

// failover is how long, in site seconds, an endpoint may take from one API server to the next. A guess: virtual
// addresses move within some seconds, and an external load balancer takes a backend out after a few failed probes.
const failover = 60
