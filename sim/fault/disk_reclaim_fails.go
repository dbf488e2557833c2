package fault

import (
	"context"
)

var diskReclaimFails = Fault{
	ID:       "disk-reclaim-fails",
	Effect:   "vCenter fails to delete the persistent disks of a slot that is reclaimed, after releaseDelayHours; it fires when it does",
	Symptom:  "the slot stays Released with reclaimStatus.state Failed, lastError and a retryAfter one minute later, again and again",
	Recovery: "give the provider's account its permissions on the datastore back; the reclaim goes on within a minute",
	Heal:     "lets vCenter delete disks again",
	Source:   "github.com/alauda/cluster-api-provider-vsphere controllers/vspheremachineconfigpool_controller.go",
	inject: func(_ context.Context, s Site, _ Args, hit func(string)) (laid, error) {
		heal := s.FailReclaims("Permission to perform this operation was denied.", func(disk string) { hit("disk " + disk + ": not deleted") })
		return laid{heal: func(context.Context) error { heal(); return nil }, waits: "a persistent disk that is reclaimed"}, nil
	},
}
