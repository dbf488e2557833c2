package fault

import (
	"fmt"
	"strconv"

	"github.com/rehearse-dev/rehearse/fakes/vcenter"
)

var vCenterSlowTasks = Fault{
	ID:       "vcenter-slow-tasks",
	Effect:   "vCenter's tasks take several times as long; it fires at each task that begins",
	Symptom:  "nothing fails and everything takes longer: machines stay Provisioning (Cloning, PoweringOn) or Deleting, and waits come near their limits",
	Recovery: "wait, or find out what keeps storage or vCenter busy; nothing has to be repaired in the cluster",
	Heal:     "tasks that begin from then on take their usual time",
	Source:   "guess: the factor; which tasks there are: sigs.k8s.io/cluster-api-provider-vsphere@v1.16.1 pkg/services/govmomi",
	Args:     []Arg{{Name: "factor", Doc: "how many times as long", Default: "10", Kind: Number}, roleArg},
	inject: vCenterFails("VM NAME: its tasks are slow", "the next task of a VM", func(_ Site, a Args) (vcenter.Fault, error) {
		n, err := strconv.Atoi(a["factor"])
		if err != nil {
			return vcenter.Fault{}, fmt.Errorf("factor: %w", err)
		}
		return vcenter.Fault{Effect: vcenter.Slow, Factor: n}, nil
	}),
}
