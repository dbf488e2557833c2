package fault

import "time"

// ManagementAPI is the management cluster's API as its clients see it.
type ManagementAPI interface {
	// FailAPI arms a fault until heal is called. Watches that stand go on, and requests of the twin's own pass.
	FailAPI(f APIFault) (heal func())
	// DelayWatches lets the controllers' events of a kind come late until heal is called; hit is told of each.
	DelayWatches(kind string, by time.Duration, hit func()) (heal func())
	// StopController ends a controller manager of the table controllers; start is a new process of it.
	StopController(name string) (start func(), err error)
}

// APIFault is a defect of an API for some of its clients.
type APIFault struct {
	Effect  APIEffect
	Clients []string      // of the table clients; empty: all
	Delay   time.Duration // of APISlow; of APIThrottle: Retry-After
	Status  int           // of APIError
	Every   int           // each so manieth request is met; 0 or 1: all
	// Hit is told the name of the client, for each request that is met.
	Hit func(client string)
}

// APIEffect is what a request meets.
type APIEffect string

// The effects. The runbook and people are never delayed: their own time is not ours to take.
const (
	APISlow     APIEffect = "slow"
	APIThrottle APIEffect = "throttle"
	APIError    APIEffect = "error"
	APIRefuse   APIEffect = "refuse"
)

// controllers are the controller managers of the management cluster, by the names of clusterctl.
var controllers = []string{"bootstrap-kubeadm", "cluster-api", "control-plane-kubeadm", "infrastructure-vsphere"}

// siteClients are people and the runbook.
const siteClients = "site"
