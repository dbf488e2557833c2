package sim

import (
	"slices"
	"sync"

	"github.com/rehearse-dev/rehearse/fakes/kubeadm"
)

// joinFault lets kubeadm join fail in workers.
type joinFault struct {
	mu     sync.Mutex
	reason string // "" when there is no fault
	failed []string
}

// hit returns why a machine's join fails, "" when it does not.
func (f *joinFault) hit(b *kubeadm.Bootstrap) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.reason != "" && !b.ControlPlane && !slices.Contains(f.failed, b.Node.Name) {
		f.failed = append(f.failed, b.Node.Name)
	}
	if b.ControlPlane {
		return ""
	}
	return f.reason
}

func (f *joinFault) set(reason string) { f.mu.Lock(); defer f.mu.Unlock(); f.reason = reason }

// hits are the machines whose join failed.
func (f *joinFault) hits() []string { f.mu.Lock(); defer f.mu.Unlock(); return slices.Clone(f.failed) }
