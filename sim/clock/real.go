package clock

import (
	"time"

	"golang.org/x/sys/unix"
)

// Real reads the machine's monotonic clock. Site time and, in some builds, time.Now move; this never does.
func Real() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic(err) // every supported kernel has it
	}
	return time.Duration(ts.Nano())
}
