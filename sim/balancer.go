package sim

import (
	"slices"
	"sync"

	"github.com/rehearse-dev/rehearse/sim/kube"
)

// balancer is the load balancer of a control plane endpoint. Behind it is one API server, which all control-plane
// machines share; it refuses connections when a fault has taken the way to it or the last machine that it knows.
type balancer struct {
	w *workload

	mu     sync.Mutex
	cuts   int     // of the network
	frozen *frozen // nil: whoever looks after it adds each new machine
}

// frozen is a list of backends that nobody looks after.
type frozen struct {
	backends []string // node names
	hit      func()   // once, when none of them is left
	told     bool
}

// CutEndpoint implements fault.Networks.
func (t *Twin) CutEndpoint(cluster string) (heal func(), err error) {
	w, err := t.begun(cluster)
	if err != nil {
		return nil, err
	}
	b := &w.balancer
	b.change(func() { b.cuts++ })
	return sync.OnceFunc(func() { b.change(func() { b.cuts-- }) }), nil
}

// FreezeBackends implements fault.Networks.
func (t *Twin) FreezeBackends(cluster string, hit func()) (heal func(), err error) {
	w, err := t.begun(cluster)
	if err != nil {
		return nil, err
	}
	b, f := &w.balancer, &frozen{backends: w.backends(), hit: hit}
	b.change(func() { b.frozen = f })
	return func() {
		b.change(func() {
			if b.frozen == f {
				b.frozen = nil
			}
		})
	}, nil
}

// backends are the control-plane machines that are on.
func (w *workload) backends() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var l []string
	for node, g := range w.guests {
		if g.controlPlane && g.on {
			l = append(l, node)
		}
	}
	return l
}

// gone tells whether none of the backends is there any more.
func (f *frozen) gone(now []string) bool {
	return !slices.ContainsFunc(now, func(node string) bool { return slices.Contains(f.backends, node) })
}

// look lets the balancer see which machines there are.
func (b *balancer) look() { b.change(func() {}) }

// change does something about the balancer and lets it act on it.
func (b *balancer) change(do func()) {
	defer b.w.t.clock.Busy("load balancer of " + b.w.name)()
	b.mu.Lock()
	do()
	open, hit := b.cuts == 0, func() {}
	if f := b.frozen; f != nil && f.gone(b.w.backends()) {
		if open = false; !f.told {
			f.told, hit = true, f.hit
		}
	}
	mode := kube.GateClosed
	if open {
		mode = kube.GateOpen
	}
	err := b.w.plane.Endpoint.Set(mode)
	b.mu.Unlock()
	if err != nil {
		b.w.t.fail(err)
	}
	hit() // not under the lock: it writes a journal, and its readers may heal
}
