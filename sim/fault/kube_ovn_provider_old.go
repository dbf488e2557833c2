package fault

import (
	"context"
	"fmt"
)

var kubeOVNProviderOld = Fault{
	ID: "kube-ovn-provider-old",
	Effect: "the management cluster's vSphere provider is older than v1.0.16 and knows one name of the Kube-OVN chart; it fires when it asks for " +
		"v4.4 or newer under the old name",
	Symptom: "AppRelease cni-kube-ovn asks for acp/chart-cpaas-kube-ovn at v4.4 or newer, which no registry has: DownloadFailed; " +
		"an edit of the AppRelease vanishes",
	Recovery: "upgrade the vSphere provider first; it corrects the name and the delivery goes on by itself",
	Heal:     "upgrades the provider",
	Source:   "github.com/alauda/immutable-infra-docs docs/en/upgrade-cluster/index.mdx",
	inject: func(_ context.Context, s Site, _ Args, hit func(string)) (laid, error) {
		upgrade := s.AgeProvider(func(cluster, chart, revision string) {
			hit(fmt.Sprintf("AppRelease of %s: chart %s:%s", cluster, chart, revision))
		})
		return laid{heal: func(context.Context) error { upgrade(); return nil }, waits: "a delivery of Kube-OVN v4.4 or newer"}, nil
	},
}
