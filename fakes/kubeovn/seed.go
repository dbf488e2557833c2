package kubeovn

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Seed makes the AppRelease of a gated cluster in which Kube-OVN was delivered at now or before: as Provider and
// Operator leave it, so that neither has anything to do. Without the gate it does nothing.
func Seed(ctx context.Context, workload client.Client, c *clusterv1.Cluster, now time.Time) error {
	if !Gated(c) {
		return nil
	}
	obj, err := Desired(c)
	if err != nil {
		return fmt.Errorf("Cluster %s/%s: %w", c.Namespace, c.Name, err)
	}
	r, err := read(obj)
	if err != nil {
		return err
	}
	if err := create(ctx, workload, obj); err != nil {
		return fmt.Errorf("AppRelease %s/%s: %w", Namespace, Name, err)
	}
	ch := r.Spec.Source.Charts[0]
	s := status{
		ObservedGeneration: obj.GetGeneration(),
		Charts: map[string]chartStatus{ch.Name: {
			Phase: Success, InstalledRevision: ch.TargetRevision, LastTransitionTime: metav1.NewMicroTime(now),
		}},
	}
	for _, cond := range conditionsOf(Success, ch, r.Spec.Source.RepoURL, "") {
		set(&s, now, obj.GetGeneration(), cond)
	}
	fields, err := plain(&s)
	if err != nil {
		return err
	}
	obj.Object["status"] = fields
	if err := workload.Status().Update(ctx, obj); err != nil {
		return fmt.Errorf("AppRelease %s/%s: status: %w", Namespace, Name, err)
	}
	return nil
}
