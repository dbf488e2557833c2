package kubeovn

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	infrav1 "sigs.k8s.io/cluster-api-provider-vsphere/api/govmomi/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	v1beta1conditions "sigs.k8s.io/cluster-api/util/conditions/deprecated/v1beta1"
	"sigs.k8s.io/cluster-api/util/patch"
)

// ReadyCondition is the condition of a VSphereCluster that tells how the delivery stands. It does not count for the
// VSphereCluster's own readiness.
const ReadyCondition = "KubeOvnAppReleaseReady"

// The reasons of ReadyCondition, and the texts that are known.
const (
	readyReason       = "AppReleaseReady"
	reconcilingReason = "AppReleaseReconciling"
	notReadyReason    = "AppReleaseNotReady"
	invalidReason     = "InvalidKubeOvnConfiguration"

	waiting  = " kube-ovn AppRelease, waiting for it to sync and become healthy"
	deferral = "waiting for all control plane Nodes before reconciling kube-ovn AppRelease"
)

// verdict is what ReadyCondition says.
type verdict struct {
	status          metav1.ConditionStatus
	reason, message string
}

func reconciling(message string) verdict {
	return verdict{metav1.ConditionFalse, reconcilingReason, message}
}

// judge reads the status of an AppRelease whose spec is as it should be.
func judge(s status, generation int64) verdict {
	if meta.FindStatusCondition(s.Conditions, syncCondition) == nil {
		return reconciling("waiting for kube-ovn AppRelease Sync condition")
	}
	if s.ObservedGeneration < generation {
		return reconciling(fmt.Sprintf("waiting for kube-ovn AppRelease to observe generation %d", generation))
	}
	for _, t := range []string{syncCondition, healthCondition} {
		c := meta.FindStatusCondition(s.Conditions, t)
		switch {
		case c == nil:
			return reconciling("waiting for kube-ovn AppRelease " + t + " condition")
		case c.Status == metav1.ConditionTrue:
			continue
		}
		v := reconciling(fmt.Sprintf("kube-ovn AppRelease %s condition is %s: %s", t, c.Reason, c.Message))
		if c.Status == metav1.ConditionFalse {
			v.reason = notReadyReason
		}
		return v
	}
	return verdict{metav1.ConditionTrue, readyReason, ""}
}

// report writes the verdict into both condition lists of the VSphereCluster, or removes it from them (nil). The patch
// helper is the one that CAPV uses: each side patches only the conditions that it owns.
func (p *Provider) report(ctx context.Context, infra *infrav1.VSphereCluster, v *verdict) error {
	helper, err := patch.NewHelper(infra, p.management)
	if err != nil {
		return err
	}
	if v == nil {
		conditions.Delete(infra, ReadyCondition)
		v1beta1conditions.Delete(infra, ReadyCondition)
	} else {
		conditions.Set(infra, metav1.Condition{Type: ReadyCondition, Status: v.status, Reason: v.reason, Message: v.message})
		old := v1beta1conditions.TrueCondition(ReadyCondition)
		if v.status != metav1.ConditionTrue {
			old = v1beta1conditions.FalseCondition(ReadyCondition, v.reason, severity(v.reason), "%s", v.message)
		}
		v1beta1conditions.Set(infra, old)
	}
	return helper.Patch(ctx, infra,
		patch.WithOwnedConditions{Conditions: []string{ReadyCondition}},
		patch.WithOwnedV1Beta1Conditions{Conditions: []clusterv1.ConditionType{ReadyCondition}})
}

func severity(reason string) clusterv1.ConditionSeverity {
	if reason == reconcilingReason {
		return clusterv1.ConditionSeverityInfo
	}
	return clusterv1.ConditionSeverityError
}
