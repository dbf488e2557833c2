package sim

import (
	"context"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// standby is the guard of the vendor's builds of the controllers: on the standby of a management cluster they act on
// nothing. Whether it is one they see by a ConfigMap. Upstream's controllers, which a twin runs, know no such guard, so
// their queues keep it for them.
type standby struct{ on atomic.Bool }

// guardPath is where the ConfigMap is written, in the API.
const guardPath = "/api/v1/namespaces/" + metav1.NamespacePublic + "/configmaps"

// guardControllers lets the controllers keep the guard from now on.
func (t *Twin) guardControllers(ctx context.Context) {
	t.lookForGuard(ctx)
	t.front.AfterWrites(guardPath, func() { t.lookForGuard(t.run) })
	log := t.o.Log
	t.clock.SetGuard(func(controller string) bool {
		if controller == "clustercache" || !t.standby.on.Load() { // it only connects
			return false
		}
		log.Info("Skipping reconciliation because management cluster is DR standby", "controller", controller)
		return true
	})
}

// lookForGuard looks for the ConfigMap. When that cannot be done, the guard is kept.
func (t *Twin) lookForGuard(ctx context.Context) {
	err := t.admin.Get(ctx, client.ObjectKey{Namespace: metav1.NamespacePublic, Name: "etcd-sync"}, &corev1.ConfigMap{})
	t.standby.on.Store(!apierrors.IsNotFound(err))
}
