package sim

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// misjudged are the kinds and fields of manifests that a twin takes and does not act on as a site would. Each is named
// in a warning. Where kube-controller-manager or, in some builds, the API servers keep the machine's time, an age that
// one computes from the other's timestamp is wrong: controllers and machines follow site time.
var misjudged = []struct {
	kinds   []string
	path    []string // nil: the kind itself
	wall    bool     // only where the API servers keep the machine's time
	leftOut bool     // the object would do harm
	text    string
}{
	{[]string{"MachineHealthCheck"}, nil, true, true,
		"this twin does not remediate: creation timestamps follow the machine's time, so by site time every new Machine would soon be overdue"},
	{[]string{"KubeadmControlPlane", "MachineDeployment"}, []string{"spec", "rolloutAfter"}, true, false,
		"it is compared with creation timestamps, which follow the machine's time: once it has passed, the rollout never ends"},
	{[]string{"KubeadmControlPlane", "MachineDeployment"}, []string{"spec", "rollout", "after"}, true, false,
		"it is compared with creation timestamps, which follow the machine's time: once it has passed, the rollout never ends"},
	{[]string{"DaemonSet", "Deployment", "StatefulSet"}, []string{"spec", "minReadySeconds"}, false, false,
		"kube-controller-manager keeps the machine's time: after a while of site time no Pod would become available"},
	{[]string{"CronJob", "HorizontalPodAutoscaler", "PersistentVolumeClaim", "ResourceQuota"}, nil, false, false,
		"no controller of a twin acts on it"},
}

// misjudge says what a twin makes of an object that a site would not, and whether it is better left out: in every build,
// or, beyond that, where the API servers keep the machine's time.
func misjudge(m Manifest, wall bool) (warnings []string, leaveOut bool) {
	for _, x := range misjudged {
		if x.wall != wall || !slices.Contains(x.kinds, m.Object.GetKind()) {
			continue
		}
		what := m.String()
		if x.path != nil {
			v, found, _ := unstructured.NestedFieldNoCopy(m.Object.Object, x.path...)
			if !found || v == nil || v == int64(0) || v == float64(0) {
				continue
			}
			what += ": " + strings.Join(x.path, ".")
		}
		done := ""
		if x.leftOut {
			done, leaveOut = " was left out", true
		}
		warnings = append(warnings, fmt.Sprintf("%s: %s%s: %s", m.Where(), what, done, x.text))
	}
	return warnings, leaveOut
}
