//go:build !worldtime

package clock

import "time"

// VirtualNow tells whether time.Now of this process follows site time. In this build it does not: see WallTimeOnly.
const VirtualNow = false

func addWorld(time.Duration) {}
