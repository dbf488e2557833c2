package fault

import "context"

var appReleaseFails = Fault{
	ID:       "apprelease-fails",
	Effect:   "the delivery of the Kube-OVN chart ends in a failure phase",
	Symptom:  "AppRelease cni-kube-ovn stays in DownloadFailed, DeployFailed or NotReady with a message in its conditions; for NotReady installedRevision is the target already",
	Recovery: "remove the cause (synchronise the chart, fix the values, fix the pods); the next interval sync or any edit starts it again, waiting alone never does",
	Source:   "000_d64b8bff74bf7917.txt, phases of the AppRelease API",
	Args: []Arg{
		{Name: "cluster", Doc: "the workload cluster; by default the first"},
		{Name: "phase", Doc: "the phase it ends in", Default: "DownloadFailed", OneOf: []string{"DeployFailed", "DownloadFailed", "NotReady"}},
	},
	inject: func(_ context.Context, s Site, a Args) (string, func(context.Context) error, error) {
		cluster, err := clusterOf(s, a)
		if err != nil {
			return "", nil, err
		}
		message := map[string]string{
			"DownloadFailed": "pull chart: dial tcp: i/o timeout",
			"DeployFailed":   "execution error in chart: values do not match the schema",
			"NotReady":       "1 of 3 pods of Deployment kube-system/ovn-central is not ready: CrashLoopBackOff",
		}[a["phase"]]
		heal, err := s.FailAppRelease(cluster, a["phase"], message)
		if err != nil {
			return "", nil, err
		}
		return cluster + "/cni-kube-ovn", func(context.Context) error { heal(); return nil }, nil
	},
}
