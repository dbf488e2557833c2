package kube

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// Usage is what a process has cost so far.
type Usage struct {
	RSS, PSS int64 // bytes; PSS counts a shared page only by its share
	CPU      time.Duration
}

// Usage reads /proc; the error says when the child has ended.
func (p *Process) Usage() (Usage, error) { return UsageOf(p.PID()) }

// UsageOf is the usage of any process of this machine.
func UsageOf(pid int) (Usage, error) {
	var u Usage
	rollup, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return u, fmt.Errorf("usage of process %d: %w", pid, err)
	}
	for line := range strings.Lines(string(rollup)) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		kib, _ := strconv.ParseInt(f[1], 10, 64)
		switch f[0] {
		case "Rss:":
			u.RSS = kib << 10
		case "Pss:":
			u.PSS = kib << 10
		}
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return u, fmt.Errorf("usage of process %d: %w", pid, err)
	}
	// The name may hold spaces and brackets; the fields after its last bracket are state, ppid, ... utime, stime.
	f := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(f) < 13 {
		return u, fmt.Errorf("usage of process %d: got %d fields in its stat, want 13", pid, len(f))
	}
	for _, ticks := range f[11:13] {
		n, err := strconv.ParseInt(ticks, 10, 64)
		if err != nil {
			return u, fmt.Errorf("usage of process %d: %w", pid, err)
		}
		u.CPU += time.Duration(n) * (time.Second / 100) // USER_HZ is 100 on every Linux that Go runs on
	}
	return u, nil
}
