package sim

import (
	"slices"
	"sync"
)

// calls tells the faults of the requests that the site's clients send. The zero value is ready.
type calls struct {
	mu sync.Mutex
	on []func(method string)
}

func (c *calls) tell(method string) {
	c.mu.Lock()
	on := slices.Clone(c.on)
	c.mu.Unlock()
	for _, f := range on {
		f(method)
	}
}

// OnCall implements fault.Calls.
func (t *Twin) OnCall(on func(method string)) {
	t.calls.mu.Lock()
	defer t.calls.mu.Unlock()
	t.calls.on = append(t.calls.on, on)
}
