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
	// spoil makes a machine bad, before hit is told of it, and good again when the fault is healed; nil: what has failed
	// stays as it is.
	spoil func(machine string, bad bool) error
	told  []string // machines that hit knows of

	mu     sync.Mutex
	spoilt []string
	healed bool
}

// arm lets an edge fail until heal is called; hit is told each machine once.
func (f *guestFaults) arm(a *guestFault) (heal func() error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed = append(f.armed, a)
	return func() error {
		f.mu.Lock()
		f.armed = slices.DeleteFunc(f.armed, func(x *guestFault) bool { return x == a })
		f.mu.Unlock()
		return a.mend()
	}
}

// fails tells whether an edge of a machine's life fails.
func (f *guestFaults) fails(edge fault.Edge, machine string) bool {
	f.mu.Lock()
	var tell []*guestFault
	failed := false
	for _, a := range f.armed {
		if a.edge != edge || !a.which(machine) {
			continue
		}
		failed = true
		if !slices.Contains(a.told, machine) {
			a.told = append(a.told, machine)
			tell = append(tell, a)
		}
	}
	f.mu.Unlock()
	for _, a := range tell { // not under the lock: hit writes a journal, and its readers may heal
		a.begin(machine)
		a.hit(machine)
	}
	return failed
}

// begin spoils a machine, unless the fault was healed meanwhile. One that is gone cannot be spoilt and needs no repair.
func (a *guestFault) begin(machine string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.spoil != nil && !a.healed && a.spoil(machine, true) == nil {
		a.spoilt = append(a.spoilt, machine)
	}
}

// mend makes what was spoilt good again.
func (a *guestFault) mend() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.healed = true
	var errs []error
	for _, m := range a.spoilt {
		errs = append(errs, a.spoil(m, false))
	}
	return errors.Join(errs...)
}

// FailGuests implements fault.Guests.
func (t *Twin) FailGuests(edge fault.Edge, which func(string) bool, hit func(machine string)) func(context.Context) error {
	a := &guestFault{edge: edge, which: which, hit: hit}
	switch edge {
	case fault.NodeNeverReady:
		a.spoil = t.spoilNetwork
	case fault.HostnameTaken:
		a.spoil = t.takeHostname
	}
	heal := t.guestFaults.arm(a)
	return func(context.Context) error { return heal() }
}

// spoilNetwork takes the network away from the container runtime of a machine whose kubelet runs, or gives it back.
func (t *Twin) spoilNetwork(machine string, bad bool) error {
	w, node, _ := t.guest(machine)
	if w == nil {
		return nil // it is gone
	}
	return setNetwork(w.kubelets, node, bad)
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

// leaveStaleNode makes a Node of another VM under a machine's name, as one leaves that had the hostname before.
func (w *workload) leaveStaleNode(ctx context.Context, name string) error {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.NodeSpec{
		ProviderID: "vsphere://" + uuid.NewSHA1(uuid.NameSpaceDNS, []byte(name)).String()}}
	if _, err := w.kubelets.Client().CoreV1().Nodes().Create(ctx, n, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("stale node %s: %w", name, err)
	}
	return nil
}
