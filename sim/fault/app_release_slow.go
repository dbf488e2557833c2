package fault

import (
	"context"
	"fmt"
)

var appReleaseSlow = Fault{
	ID:       "apprelease-slow",
	Effect:   "the pods of Kube-OVN do not get ready and do not fail: the delivery stays in HealthChecking; it fires when it should have ended",
	Symptom:  "AppRelease cni-kube-ovn says HealthChecking, while installedRevision is the target already: who looks at that alone takes it for done",
	Recovery: "wait for Success; installedRevision says nothing",
	Heal:     "lets the pods get ready; the delivery ends with Success at the next look",
	Source:   "000_d64b8bff74bf7917.txt, phases of the AppRelease API",
	Args:     []Arg{clusterArg},
	inject: func(_ context.Context, s Site, a Args, hit func(string)) (laid, error) {
		cluster, err := clusterOf(s, a)
		if err != nil {
			return laid{}, err
		}
		heal, err := s.HoldAppRelease(cluster, func(name string) {
			hit(fmt.Sprintf("AppRelease %s of %s: its pods do not get ready", name, cluster))
		})
		if err != nil {
			return laid{}, err
		}
		return laid{heal: func(context.Context) error { heal(); return nil }, waits: "the next delivery of Kube-OVN to " + cluster}, nil
	},
}
