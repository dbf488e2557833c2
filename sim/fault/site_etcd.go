package fault

import (
	"context"
	"time"
)

// EtcdHealth is how members of etcd do that run.
type EtcdHealth interface {
	// FillEtcd lets a member's database run full, so that the cluster has the alarm NOSPACE; free compacts it and clears
	// the alarm.
	FillEtcd(cluster, member string) (free func(context.Context) error, err error)
	// SlowEtcd lets every answer of a member take that long, in site time; heal makes it as fast as before.
	SlowEtcd(cluster, member string, latency time.Duration) (heal func(context.Context) error, err error)
}
