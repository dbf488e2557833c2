package fault

import "context"

var chartMissing = Fault{
	ID:     "chart-missing",
	Effect: "the site's registry does not have the Kube-OVN chart; it fires when somebody asks for it",
	Symptom: "before the run: preflight refuses with kube-ovn-chart-missing. Later: AppRelease cni-kube-ovn goes from Downloading to " +
		"DownloadFailed, and the condition Sync says that the chart is not there",
	Recovery: "synchronise the artifacts; the next interval sync or any edit of the AppRelease starts it again, waiting alone never does while the " +
		"chart is missing",
	Heal:   "synchronises the chart; the next interval sync starts the delivery again",
	Source: "000_d64b8bff74bf7917.txt, phases of the AppRelease API; 001_b91d9add2570b717.txt, Preparing for Cross-Version Upgrades",
	Args:   []Arg{{Name: "version", Doc: "of the chart; by default every version"}},
	inject: func(_ context.Context, s Site, a Args, hit func(string)) (laid, error) {
		told := func(what string) { hit("registry: " + what + " is missing") }
		old := s.HideArtifact("acp/chart-cpaas-kube-ovn", a["version"], told)
		now := s.HideArtifact("acp/chart-kube-ovn", a["version"], told)
		return laid{heal: func(context.Context) error { old(); now(); return nil }, waits: "somebody who asks for a chart of Kube-OVN"}, nil
	},
}
