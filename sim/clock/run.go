package clock

import (
	"container/heap"
	"context"
	"time"
)

// tick is how often Run looks when it cannot move.
const tick = time.Millisecond

// Run moves the clock, and with it time.Now in a build that has VirtualNow, until ctx is done. Then time.Now is what it
// would have been without this clock: the next twin of the process must not start in the future, where no API server
// would believe its certificates. Call it once.
func (c *Clock) Run(ctx context.Context) {
	defer func() { moveNow(-c.moved) }()
	var (
		barred   time.Duration // real time in which nothing but the barrier has held the clock since it was last clear
		idleFrom = Real()      // a paced clock earns site time from here
	)
	for ctx.Err() == nil {
		wait := c.notYet()
		if wait > 0 {
			idleFrom = Real()
			time.Sleep(wait)
			continue
		}
		at := Real()
		if c.barrier.outstanding() > 0 {
			if barred < c.o.MaxWait { // added up, or somebody who looks ten times a second would have it wait for ever
				time.Sleep(tick)
				barred += Real() - at
				continue
			}
			c.barrier.giveUp()
		}
		barred = 0
		if c.advance(at - idleFrom) {
			idleFrom = at
		} else {
			time.Sleep(tick)
		}
	}
}

// notYet returns how long to wait before looking again, 0 when the twin is quiescent.
func (c *Clock) notYet() time.Duration {
	c.mu.Lock()
	idle := c.busy == 0 && c.pace != Hold && len(c.heap) > 0
	c.mu.Unlock()
	if !idle {
		return tick
	}
	return max(c.o.Quiet-(Real()-time.Duration(c.last.Load())), 0)
}

// advance moves the clock to the next timer and fires what is due. A paced clock goes at most as far as the earned
// real time allows. It reports false when something woke up meanwhile.
func (c *Clock) advance(earned time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	quiet := Real() - time.Duration(c.last.Load())
	if c.busy != 0 || c.pace == Hold || len(c.heap) == 0 || quiet < c.o.Quiet {
		return false
	}
	before, next := c.now, c.heap[0].at
	if c.pace > Free {
		if earned < tick {
			return false
		}
		if limit := before.Add(time.Duration(float64(earned) * float64(c.pace))); next.After(limit) {
			c.now = limit
			c.move(max(limit.Sub(before)-earned, 0))
			return true
		}
	}
	c.stats.Jumps++
	c.stats.QuietWall += quiet
	if next.After(before) {
		c.now = next
	}
	for len(c.heap) > 0 && !c.heap[0].at.After(c.now) {
		heap.Pop(&c.heap).(*timer).fire()
	}
	move := c.now.Sub(before)
	if c.pace > Free {
		move = max(move-earned, 0) // time.Now has passed by itself meanwhile
	}
	c.move(move)
	c.Touch()
	return true
}

// move moves time.Now.
func (c *Clock) move(d time.Duration) {
	c.moved += d
	moveNow(d)
}
