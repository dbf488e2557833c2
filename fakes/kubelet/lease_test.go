package kubelet

import (
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

// A node is registered while the heartbeat goes round: both find no lease, and one of them makes it first.
func TestALeaseThatTheHeartbeatHasJustMadeIsRenewed(t *testing.T) {
	api := fake.NewClientset()
	api.PrependReactor("create", "leases", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewAlreadyExists(coordinationv1.Resource("leases"), "n")
	})
	k := &Kubelets{plain: api, cfg: Config{Heartbeat: time.Minute}}
	if err := k.renew(t.Context(), "n"); err != nil {
		t.Errorf("a lease that somebody made meanwhile: got %v, want it taken for renewed", err)
	}
	api = fake.NewClientset()
	k.plain = api
	if err := k.renew(t.Context(), "n"); err != nil {
		t.Fatal(err)
	}
	l, err := api.CoordinationV1().Leases(corev1.NamespaceNodeLease).Get(t.Context(), "n", metav1.GetOptions{})
	if err != nil || *l.Spec.HolderIdentity != "n" {
		t.Errorf("the lease of a new node: got %v, %v", l, err)
	}
}
