package sim

import (
	"context"
	"errors"
	"fmt"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rehearse-dev/rehearse/fakes/etcd"
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

// FillEtcd implements fault.EtcdHealth.
func (t *Twin) FillEtcd(cluster, member string) (free func(context.Context) error, err error) {
	return t.ail(cluster, member, func(e *etcd.Cluster, ill bool) error {
		if ill {
			return e.SetAlarm(member, pb.AlarmType_NOSPACE)
		}
		return e.SetAlarm(member, pb.AlarmType_NONE)
	})
}

// SlowEtcd implements fault.EtcdHealth.
func (t *Twin) SlowEtcd(cluster, member string, latency time.Duration) (heal func(context.Context) error, err error) {
	return t.ail(cluster, member, func(e *etcd.Cluster, ill bool) error {
		if ill {
			return e.SetLatency(member, latency)
		}
		return e.SetLatency(member, 0)
	})
}

// ail makes a member ill. One that was removed meanwhile needs no cure.
func (t *Twin) ail(cluster, member string, set func(e *etcd.Cluster, ill bool) error) (heal func(context.Context) error, err error) {
	w, err := t.begun(cluster)
	if err != nil {
		return nil, err
	}
	if err := set(w.etcd, true); err != nil {
		return nil, err
	}
	return func(context.Context) error {
		if err := set(w.etcd, false); !errors.Is(err, rpctypes.ErrMemberNotFound) {
			return err
		}
		return nil
	}, nil
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
