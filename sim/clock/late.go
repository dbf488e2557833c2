package clock

import "slices"

// Late counts a wait of a fake that was given up; see fakekit.Clock.
func (c *Clock) Late(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Late++
	c.late = append(c.late, what)
}

// GivenUp is what the fakes' waits that were given up had waited for, in order. Stats counts them as late.
func (c *Clock) GivenUp() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.late)
}
