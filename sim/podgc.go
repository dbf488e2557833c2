package sim

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/ptr"
)

// orphanDelay is how long the Pods of a Node that is gone stay: kube-controller-manager looks every 20 s and lets them be
// for 40 s (k8s.io/kubernetes@v1.35.4 pkg/controller/podgc/gc_controller.go).
const orphanDelay = time.Minute

// collectOrphans does on site time what the real pod garbage collector does on wall time, where a minute is an hour of
// the site: it removes the Pods of Nodes that are gone.
func (w *workload) collectOrphans() error {
	_, err := w.kubelets.Nodes().AddEventHandler(cache.ResourceEventHandlerFuncs{DeleteFunc: func(o any) {
		if t, ok := o.(cache.DeletedFinalStateUnknown); ok {
			o = t.Obj
		}
		name := o.(*corev1.Node).Name
		w.t.clock.After("podgc "+name, orphanDelay, func() { w.removePodsOf(w.t.run, name) })
	}})
	return err
}

func (w *workload) removePodsOf(ctx context.Context, node string) {
	if _, back, _ := w.kubelets.Nodes().GetStore().GetByKey(node); back {
		return
	}
	for _, o := range w.kubelets.Pods().GetStore().List() {
		p := o.(*corev1.Pod)
		if p.Spec.NodeName != node {
			continue
		}
		err := w.kubelets.Client().CoreV1().Pods(p.Namespace).Delete(ctx, p.Name, metav1.DeleteOptions{
			GracePeriodSeconds: ptr.To[int64](0), Preconditions: metav1.NewUIDPreconditions(string(p.UID))})
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) && ctx.Err() == nil {
			w.t.clock.After("podgc "+node, orphanDelay, func() { w.removePodsOf(ctx, node) })
			return
		}
	}
}
