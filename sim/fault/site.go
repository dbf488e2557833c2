package fault

import (
	"context"
	"time"

	"k8s.io/client-go/rest"
)

// Site is what faults need of a twin.
type Site interface {
	AppReleases
	Calls
	Clusters
	Etcd
	EtcdHealth
	Guests
	KubeOVN
	ManagementAPI
	Networks
	Nodes
	Pools
	Registry
	Templates
	VCenter
}

// Calls are the requests that the site's clients send.
type Calls interface {
	// OnCall has on told of each call of a vCenter method ("CloneVM_Task") and each write to the management API
	// ("patch:KubeadmControlPlane"; of objects, not of their status) before it is served, from any goroutine. The call
	// waits, and site time with it, until on returns. The faults' own are not told of.
	OnCall(on func(method string))
}

// Templates is the stock of VM templates in vCenter.
type Templates interface {
	// HideTemplate takes a template away; show brings it back, if nobody has done so meanwhile.
	HideTemplate(ctx context.Context, name string) (show func(context.Context) error, err error)
	// UnusedTemplates are the templates that no machine of the site was cloned from, by name.
	UnusedTemplates(ctx context.Context) ([]string, error)
}

// Etcd is the etcd membership of workload clusters.
type Etcd interface {
	// EtcdVoters are the voting members of a cluster that are up, by machine name, in the order of joining, and how many voters there are.
	// Learners do not count.
	EtcdVoters(cluster string) (up []string, voters int, err error)
	// StopEtcd ends the etcd process of a member; start brings it back, if its machine is still there and a member.
	StopEtcd(ctx context.Context, cluster, member string) (start func(context.Context) error, err error)
}

// AppReleases is the operator that delivers Kube-OVN.
type AppReleases interface {
	// FailAppRelease lets the next delivery end in the phase until heal is called; hit is told the AppRelease that has.
	FailAppRelease(cluster, phase, message string, hit func(name string)) (heal func(), err error)
}

// Clusters are the Kubernetes APIs. The configurations are an administrator's.
type Clusters interface {
	// ClusterNames are the workload clusters, sorted.
	ClusterNames() []string
	// Administrator of a workload cluster, or of the management cluster for "".
	Administrator(cluster string) (*rest.Config, error)
	// Began is when the site was ready and the run began, by the clock that creation timestamps are from.
	Began() time.Time
	// Draw returns a number below n that depends only on the seed and the name.
	Draw(name string, n int) int
	// Owed is the site time until controllers have begun what they were asked for and a rate limit puts off, 0 for nothing.
	Owed() time.Duration
}

// Pools are the machine config pools and the disks of their slots.
type Pools interface {
	// OnNoSlot has on told of each machine that a pool refuses a slot, and of each edit of an owner that is refused for the
	// pool's sake, with the provider's words; from any goroutine, until stop.
	OnNoSlot(on func(pool, who, why string)) (stop func())
	// GrabDisk lets a VM that is no machine of the site attach the next persistent disk that is taken off a machine; hit
	// is told. release detaches it, and the VM wants no more.
	GrabDisk(hit func(disk, vm string)) (release func() error, err error)
	// FailReclaims lets vCenter fail to delete disks until heal is called; hit is told of each.
	FailReclaims(message string, hit func(disk string)) (heal func())
}
