package clock

import "slices"

// Late counts a wait of a fake that was given up; see fakekit.Clock.
func (c *Clock) Late(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lateLocked(what)
}

func (c *Clock) lateLocked(what string) {
	c.stats.Late++
	c.late = append(c.late, what)
}

// GivenUp is what site time has not waited long enough for, in order: one for each that Stats counts as late.
func (c *Clock) GivenUp() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.late)
}
