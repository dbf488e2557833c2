package sim

import (
	"context"
	"fmt"

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
	if err := w.etcd.Start(member); err != nil {
		return fmt.Errorf("etcd member %s: %w", member, err)
	}
	return w.kubelets.Fail(ctx, metav1.NamespaceSystem, "etcd-"+member, nil)
}
