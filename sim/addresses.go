package sim

import (
	"fmt"
	"maps"
	"sync"
)

// addresses is the site's DHCP: one address per machine name, in the order of asking.
type addresses struct {
	mu   sync.Mutex
	next int
	of   map[string]string
}

// lease returns the address of name, the same one as long as it is not released.
func (a *addresses) lease(name string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if ip, ok := a.of[name]; ok {
		return ip
	}
	if a.of == nil {
		a.of = map[string]string{}
	}
	n := a.next
	a.next++
	ip := fmt.Sprintf("172.20.%d.%d", 16+n/250, 1+n%250)
	a.of[name] = ip
	return ip
}

// all are the leases, and how many there ever were.
func (a *addresses) all() (of map[string]string, next int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.of), a.next
}

// resume makes the leases those that all has told.
func (a *addresses) resume(of map[string]string, next int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.of, a.next = of, next
}

// release forgets a machine that is gone; its address is not given to another one.
func (a *addresses) release(name string) { a.mu.Lock(); defer a.mu.Unlock(); delete(a.of, name) }
