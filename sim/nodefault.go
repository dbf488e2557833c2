package sim

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/rehearse-dev/rehearse/fakes/kubelet"
)

// StopKubelet implements fault.Nodes.
func (t *Twin) StopKubelet(cluster, node string) (start func() error, err error) {
	return t.spoil(cluster, node, func(k *kubelet.Kubelets, bad bool) error { return k.SetKubelet(node, !bad) })
}

// noNetwork is what a kubelet reports whose network plugin has no configuration
// (k8s.io/kubernetes@v1.35.4 pkg/kubelet/runtime.go runtimeErrors, nodestatus/setters.go
// ReadyCondition; the words of containerd's CRI plugin).
var noNetwork = kubelet.NodeCondition{Status: corev1.ConditionFalse, Reason: "KubeletNotReady", Message: "container runtime network not ready: " +
	"NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized"}

// BreakRuntime implements fault.Nodes.
func (t *Twin) BreakRuntime(cluster, node string) (mend func() error, err error) {
	return t.spoil(cluster, node, func(k *kubelet.Kubelets, bad bool) error { return setNetwork(k, node, bad) })
}

// setNetwork lets a kubelet report that its network is not ready, or that it is.
func setNetwork(k *kubelet.Kubelets, node string, bad bool) error {
	if bad {
		return k.SetCondition(node, corev1.NodeReady, &noNetwork)
	}
	return k.SetCondition(node, corev1.NodeReady, nil)
}

// spoil does something to the kubelet of a node. One whose machine is gone meanwhile needs no repair.
func (t *Twin) spoil(cluster, node string, set func(k *kubelet.Kubelets, bad bool) error) (repair func() error, err error) {
	w, err := t.begun(cluster)
	if err != nil {
		return nil, err
	}
	if err := set(w.kubelets, true); err != nil {
		return nil, err
	}
	return func() error {
		w.mu.Lock()
		_, there := w.guests[node]
		w.mu.Unlock()
		if !there {
			return nil
		}
		return set(w.kubelets, false)
	}, nil
}
