package kubelet

import (
	"context"
	"encoding/json"
	"time"

	"golang.org/x/sync/errgroup"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
)

// heartbeat renews the leases in real time: the node controller that watches them is a process that lives in real time
// and would call every node lost while site time stands still. It is no work and no news: it touches no clock, holds no
// token and goes past everything that counts requests.
func (k *Kubelets) heartbeat() {
	tick := time.NewTicker(k.cfg.Heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-k.ctx.Done():
			return
		case <-tick.C:
		}
		k.wg.Go(func() { _ = k.renewAll(k.ctx) }) // a failure shows as a lost node, as it does in reality
	}
}

// monitorPeriod is the real time in which the node controller looks at all nodes at least once: a few of its
// --node-monitor-period, which whoever starts it sets to less than half a second.
const monitorPeriod = 1500 * time.Millisecond

// Reconnected tells that the API server has its storage back. Site time stands still until the API server works, all
// leases are renewed and the node controller has had a look: these are real processes that need real seconds, and what
// they find belongs to this moment and not to one that site time has jumped to meanwhile. It returns at once.
func (k *Kubelets) Reconnected() {
	done := k.cfg.Clock.Busy("API server comes back")
	k.wg.Go(func() {
		defer done()
		ctx, cancel := context.WithTimeout(k.ctx, time.Minute)
		defer cancel()
		for k.renewAll(ctx) != nil && ctx.Err() == nil {
			sleep(ctx, 50*time.Millisecond)
		}
		if ctx.Err() != nil && k.ctx.Err() == nil {
			k.cfg.Clock.Late("the API server to come back")
		}
		sleep(ctx, monitorPeriod)
	})
}

// sleep waits in real time.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// renewAll renews the lease of every kubelet that can.
func (k *Kubelets) renewAll(ctx context.Context) error {
	var g errgroup.Group
	k.mu.Lock()
	for name, m := range k.machines {
		if m.acts() {
			g.Go(func() error { return k.renew(ctx, name) })
		}
	}
	k.mu.Unlock()
	return g.Wait()
}

// renew patches: a lease can be created by an update but not renewed by one without its resourceVersion
// (k8s.io/kubernetes@v1.35.4 pkg/registry/coordination/lease/strategy.go). The time must grow with every renewal, also
// while site time stands still; nobody compares it with another clock.
func (k *Kubelets) renew(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, k.cfg.Heartbeat)
	defer cancel()
	now := metav1.NewMicroTime(time.Now())
	leases := k.plain.CoordinationV1().Leases(corev1.NamespaceNodeLease)
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"renewTime": now}})
	if err != nil {
		return err
	}
	if _, err = leases.Patch(ctx, name, types.MergePatchType, patch,
		metav1.PatchOptions{}); !apierrors.IsNotFound(err) {
		return err
	}
	l := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: coordinationv1.LeaseSpec{HolderIdentity: &name, LeaseDurationSeconds: ptr.To[int32](40), RenewTime: &now}}
	if n, err := k.plain.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{}); err == nil {
		l.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "Node", Name: name, UID: n.UID}}
	}
	if _, err = leases.Create(ctx, l, metav1.CreateOptions{}); apierrors.IsAlreadyExists(err) {
		return nil // the heartbeat and the registration met, and the other was faster
	}
	return err
}
