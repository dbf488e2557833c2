package sim

import (
	"context"
	"errors"
	"fmt"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rehearse-dev/rehearse/fakes/kubelet"
)

// crashEtcd ends the etcd process of a machine. Its kubelet reports the container first: KubeadmControlPlane reads the
// static Pod, and with the last majority the API server's storage goes and no report arrives any more.
func (w *workload) crashEtcd(ctx context.Context, member string) error {
	f := kubelet.CrashLoop("etcd")
	if err := w.kubelets.Fail(ctx, metav1.NamespaceSystem, "etcd-"+member, &f); err != nil {
		return err
	}
	w.etcd.Stop(member)
	return nil
}

// reviveEtcd starts the process again.
func (w *workload) reviveEtcd(ctx context.Context, member string) error {
	if err := w.startEtcd(member); err != nil {
		return fmt.Errorf("etcd member %s: %w", member, err)
	}
	return w.kubelets.Fail(ctx, metav1.NamespaceSystem, "etcd-"+member, nil)
}

// startEtcd starts the process of a member. A machine that is gone has none to start, and one whose member was removed
// meanwhile has nothing to come back to: the cluster has learned to do without it.
func (w *workload) startEtcd(member string) error {
	w.mu.Lock()
	_, there := w.guests[member]
	w.mu.Unlock()
	if !there {
		return nil
	}
	if err := w.etcd.Start(member); !errors.Is(err, rpctypes.ErrMemberNotFound) {
		return err
	}
	return nil
}
