package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/go-logr/logr"
	"golang.org/x/sys/unix"
	"k8s.io/klog/v2"

	"github.com/rehearse-dev/rehearse/cmd/internal/suite"
)

// runDir is the directory of a running twin: its alone, for two would destroy each other's files.
type runDir struct {
	log logr.Logger // into DIR/controllers.log: what the controllers and the libraries say
	f   *os.File    // that log, locked; the lock ends with the process at the latest
}

// openRunDir makes the directory if there is none and takes it for this process.
func openRunDir(dir string) (*runDir, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, suite.ControllersFile), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("--dir: %s belongs to a twin that is running (%w)", dir, err)
	}
	h := slog.NewTextHandler(f, nil)
	slog.SetDefault(slog.New(h)) // libraries that log through package log
	d := &runDir{logr.FromSlogHandler(h), f}
	klog.SetLogger(d.log)
	return d, nil
}

func (d *runDir) close() { _ = d.f.Close() }
