package fault

import "context"

// Guests are the operating systems of the machines.
type Guests interface {
	// Which tells by its name whether a machine, and its VM, is of the cluster and the role; "" is any, Workers every
	// role but the control plane.
	Which(cluster, role string) func(machine string) bool
	// FailGuests lets an edge fail in every new machine that is meant until heal is called; hit is told each machine
	// once, when it fails. What has failed stays as it is, but for NodeNeverReady and HostnameTaken, which heal mends.
	FailGuests(edge Edge, which func(machine string) bool, hit func(machine string)) (heal func(context.Context) error)
}

// Roles that are no MachineDeployment.
const (
	ControlPlane = "control-plane"
	Workers      = "worker" // every MachineDeployment
)

// Edge is a step in the life of a new machine.
type Edge string

// The edges that can fail, in their order.
const (
	NoAddress      Edge = "no-address"       // VMware Tools report nothing, and cloud-init does not run
	BootHangs      Edge = "boot-hangs"       // cloud-init never comes to kubeadm
	JoinFails      Edge = "join-fails"       // kubeadm join ends in its preflight
	HostnameTaken  Edge = "hostname-taken"   // an older VM's guest reports the hostname as well
	StaleNode      Edge = "stale-node"       // the API has a Node of that name already, of another VM
	NodeNeverReady Edge = "node-never-ready" // the kubelet registers and its network never starts
)
