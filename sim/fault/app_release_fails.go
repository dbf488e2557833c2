package fault

import (
	"context"
	"fmt"
)

var appReleaseFails = Fault{
	ID:     "apprelease-fails",
	Effect: "the delivery of the Kube-OVN chart ends in a failure phase; it fires when the AppRelease enters that phase",
	Symptom: "AppRelease cni-kube-ovn stays in DownloadFailed, DeployFailed or NotReady with a message in its conditions; " +
		"for NotReady installedRevision is the target already",
	Recovery: "remove the cause (synchronise the chart, fix the values, fix the pods); the next interval sync or any edit starts it again, " +
		"waiting alone never does",
	Heal:   "removes the cause and touches nothing; the next interval sync starts the delivery again",
	Source: "000_d64b8bff74bf7917.txt, phases of the AppRelease API",
	Args: []Arg{
		clusterArg,
		{Name: "phase", Doc: "the phase it ends in", Default: "DownloadFailed", OneOf: []string{"DeployFailed", "DownloadFailed", "NotReady"}},
	},
	inject: func(_ context.Context, s Site, a Args, hit func(string)) (laid, error) {
		cluster, err := clusterOf(s, a)
		if err != nil {
			return laid{}, err
		}
		phase := a["phase"]
		message := map[string]string{
			"DownloadFailed": "pull chart: dial tcp: i/o timeout",
			"DeployFailed":   "execution error in chart: values do not match the schema",
			"NotReady":       "1 of 3 pods of Deployment kube-system/ovn-central is not ready: CrashLoopBackOff",
		}[phase]
		heal, err := s.FailAppRelease(cluster, phase, message, func(name string) {
			hit(fmt.Sprintf("AppRelease %s of %s: %s", name, cluster, phase))
		})
		if err != nil {
			return laid{}, err
		}
		return laid{heal: func(context.Context) error { heal(); return nil }, waits: "the next delivery of Kube-OVN to " + cluster}, nil
	},
}
