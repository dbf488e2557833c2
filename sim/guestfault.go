package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/google/uuid"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rehearse-dev/rehearse/fakes/kubelet"
	"github.com/rehearse-dev/rehearse/sim/fault"
)

// guestFaults are the edges of new machines' lives that fail. The zero value is ready.
type guestFaults struct {
	mu    sync.Mutex
	armed []*guestFault
}

type guestFault struct {
	edge  fault.Edge
	which func(machine string) bool
	hit   func(machine string)
	told  []string // machines that hit knows of
}

// arm lets an edge fail until heal is called; hit is told each machine once.
func (f *guestFaults) arm(edge fault.Edge, which func(string) bool, hit func(machine string)) (heal func()) {
	a := &guestFault{edge: edge, which: which, hit: hit}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed = append(f.armed, a)
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.armed = slices.DeleteFunc(f.armed, func(x *guestFault) bool { return x == a })
	}
}

// fails tells whether an edge of a machine's life fails.
func (f *guestFaults) fails(edge fault.Edge, machine string) bool {
	f.mu.Lock()
	var tell []func(string)
	failed := false
	for _, a := range f.armed {
		if a.edge != edge || !a.which(machine) {
			continue
		}
		failed = true
		if !slices.Contains(a.told, machine) {
			a.told = append(a.told, machine)
			tell = append(tell, a.hit)
		}
	}
	f.mu.Unlock()
	for _, hit := range tell { // not under the lock: it writes a journal, and its readers may heal
		hit(machine)
	}
	return failed
}

// FailGuests implements fault.Guests.
func (t *Twin) FailGuests(edge fault.Edge, which func(string) bool, hit func(machine string)) func(context.Context) error {
	var mu sync.Mutex
	var failed []string
	stop := t.guestFaults.arm(edge, which, func(machine string) {
		mu.Lock()
		failed = append(failed, machine)
		mu.Unlock()
		hit(machine)
	})
	return func(context.Context) error {
		stop()
		mu.Lock()
		defer mu.Unlock()
		var errs []error
		for _, m := range failed {
			if w, node, _ := t.guest(m); w != nil && edge == fault.NodeNeverReady {
				errs = append(errs, w.kubelets.SetCondition(node, corev1.NodeReady, nil))
			}
		}
		return errors.Join(errs...)
	}
}

// Which implements fault.Guests.
func (t *Twin) Which(cluster, role string) func(string) bool {
	return func(machine string) bool {
		c, r := t.plan.roleOf(machine)
		return r != "" && (cluster == "" || c == cluster) && (role == "" || r == role || role == fault.Workers && r != fault.ControlPlane)
	}
}

// roleOf finds what a machine belongs to: machines, and VMs, are named after the KubeadmControlPlane or the
// MachineDeployment that made them. Of several that fit the longest name is meant.
func (p *Plan) roleOf(machine string) (cluster, role string) {
	longest := 0
	for _, c := range p.clusters {
		for _, m := range c.manifests {
			name := m.Object.GetName()
			if len(name) < longest || !strings.HasPrefix(machine, name+"-") {
				continue
			}
			switch m.Object.GetKind() {
			case "KubeadmControlPlane":
				cluster, role, longest = c.Name, fault.ControlPlane, len(name)
			case "MachineDeployment":
				cluster, role, longest = c.Name, name, len(name)
			}
		}
	}
	return cluster, role
}

// networkDown is what a kubelet says while its container runtime has no network
// (k8s.io/kubernetes@v1.35.4 pkg/kubelet/nodestatus/setters.go ReadyCondition; containerd's CRI plugin for the reason).
var networkDown = kubelet.NodeCondition{Status: corev1.ConditionFalse, Reason: "KubeletNotReady",
	Message: "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized"}

// leaveStaleNode makes a Node of another VM under a machine's name, as one leaves that had the hostname before.
func (w *workload) leaveStaleNode(ctx context.Context, name string) error {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.NodeSpec{
		ProviderID: "vsphere://" + uuid.NewSHA1(uuid.NameSpaceDNS, []byte(name)).String()}}
	if _, err := w.kubelets.Client().CoreV1().Nodes().Create(ctx, n, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("stale node %s: %w", name, err)
	}
	return nil
}
