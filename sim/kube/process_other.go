//go:build !linux

package kube

import (
	"errors"
	"syscall"
	"time"
)

// childAttr cannot tie the child's life to ours: only Linux has a parent-death signal. A killed twin leaves its
// children behind here.
func childAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// Usage is what a process has cost so far.
type Usage struct {
	RSS, PSS int64
	CPU      time.Duration
}

// Usage is known on Linux only.
func (p *Process) Usage() (Usage, error) { return UsageOf(p.PID()) }

// UsageOf is known on Linux only.
func UsageOf(int) (Usage, error) { return Usage{}, errors.ErrUnsupported }
