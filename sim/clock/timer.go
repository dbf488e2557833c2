package clock

import "time"

// timer is an entry of the clock's heap.
type timer struct {
	at   time.Time
	seq  uint64
	what string
	fire func() // runs with Clock.mu held and must not block
	idx  int    // -1 when not in the heap
}

// timers is a heap: the earliest first, and in the order of their making within an instant.
type timers []*timer

func (h timers) Len() int { return len(h) }
func (h timers) Less(i, j int) bool {
	return h[i].at.Before(h[j].at) || h[i].at.Equal(h[j].at) && h[i].seq < h[j].seq
}
func (h timers) Swap(i, j int) { h[i], h[j] = h[j], h[i]; h[i].idx = i; h[j].idx = j }
func (h *timers) Push(x any)   { t := x.(*timer); t.idx = len(*h); *h = append(*h, t) }
func (h *timers) Pop() any {
	o := *h
	t := o[len(o)-1]
	t.idx = -1
	*h = o[:len(o)-1]
	return t
}
