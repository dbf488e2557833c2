package sim

import "github.com/blang/semver/v4"

// osImage is what the nodes report.
const osImage = "MicroOS (rehearsal twin)"

// runtimes are the versions of containerd in the vendor's VM templates, by the first Kubernetes version that has them
// (alauda/immutable-infra-docs, docs/en/overview/os-support-matrix.mdx at fd4d43f), sorted.
var runtimes = []struct{ kubernetes, containerd string }{
	{"1.31.14-2", "1.7.23-4"},
	{"1.32.7", "1.7.27-4"},
	{"1.33.6", "1.7.27-4"},
	{"1.33.7-1", "1.7.29-4"},
	{"1.34.5", "2.2.1-5"},
	{"1.35.6-acp.1", "2.2.6-3"},
}

// containerd is the version of containerd in a template of a Kubernetes version; "" when the minor is not in the table.
func containerd(kubernetes string) string {
	v, err := semver.ParseTolerant(kubernetes)
	if err != nil {
		return ""
	}
	found := ""
	for _, r := range runtimes {
		first := semver.MustParse(r.kubernetes)
		if v.Minor == first.Minor && v.Major == first.Major && (found == "" || !v.LT(first)) {
			found = r.containerd
		}
	}
	return found
}
