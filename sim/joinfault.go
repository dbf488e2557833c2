package sim

import (
	"slices"
	"sync"

	"github.com/rehearse-dev/rehearse/fakes/kubeadm"
)

// joinFault lets kubeadm join fail in workers. The zero value is no fault.
type joinFault struct {
	mu    sync.Mutex
	armed *joinFailure // nil: no fault
}

type joinFailure struct {
	reason string
	hit    func(machine string)
	told   []string // machines that hit knows of
}

// arm lets joins fail until heal is called; hit is told each machine once. The last one armed counts.
func (f *joinFault) arm(reason string, hit func(machine string)) (heal func()) {
	a := &joinFailure{reason: reason, hit: hit}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed = a
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.armed == a {
			f.armed = nil
		}
	}
}

// hit returns why a machine's join fails, "" when it does not.
func (f *joinFault) hit(b *kubeadm.Bootstrap) string {
	f.mu.Lock()
	a, first := f.armed, false
	if a != nil && !b.ControlPlane && !slices.Contains(a.told, b.Node.Name) {
		a.told, first = append(a.told, b.Node.Name), true
	}
	f.mu.Unlock()
	switch {
	case a == nil || b.ControlPlane:
		return ""
	case first:
		a.hit(b.Node.Name) // not under the lock: it writes a journal, and its readers may heal
	}
	return a.reason
}
