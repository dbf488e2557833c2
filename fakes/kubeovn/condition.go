package kubeovn

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// conditionsOf is what an AppRelease says about itself in a phase; message is the reason of a failure, if known.
func conditionsOf(p Phase, c chart, repoURL, message string) []metav1.Condition {
	what := fmt.Sprintf("chart %s:%s from %s", c.Name, c.TargetRevision, repoURL)
	release := fmt.Sprintf("release %s at %s", c.ReleaseName, c.TargetRevision)
	synced := metav1.Condition{Status: metav1.ConditionTrue, Reason: "Synced", Message: release + " is deployed"}
	syncing := func(text string) metav1.Condition {
		return metav1.Condition{Status: metav1.ConditionUnknown, Reason: "Syncing", Message: text}
	}
	unknown := metav1.Condition{
		Status: metav1.ConditionUnknown, Reason: "WaitingForSync", Message: "the release is not in sync",
	}

	sync, health := synced, unknown
	switch p {
	case Downloading:
		sync = syncing("downloading " + what)
	case Installing:
		sync = syncing("installing " + release)
	case Upgrading:
		sync = syncing("upgrading to " + release)
	case Syncing:
		sync = syncing("applying values to " + release)
	case HealthChecking:
		health = metav1.Condition{
			Status: metav1.ConditionUnknown, Reason: string(p),
			Message: "waiting for the pods of " + release + " to become ready",
		}
	case Success:
		health = metav1.Condition{
			Status: metav1.ConditionTrue, Reason: "Healthy", Message: "the pods of " + release + " are ready",
		}
	case DownloadFailed:
		sync = failed(p, "failed to download "+what, message)
	case DeployFailed:
		sync = failed(p, "failed to deploy "+release, message)
	case NotReady:
		health = failed(p, "the pods of "+release+" are not ready", message)
	}
	validate := metav1.Condition{
		Type: validateCondition, Status: metav1.ConditionTrue, Reason: "Validated", Message: "the spec is valid",
	}
	sync.Type, health.Type = syncCondition, healthCondition
	return []metav1.Condition{validate, sync, health}
}

func failed(p Phase, what, why string) metav1.Condition {
	if why != "" {
		what += ": " + why
	}
	return metav1.Condition{Status: metav1.ConditionFalse, Reason: string(p), Message: what}
}
