package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// ProcessConfig says what to run.
type ProcessConfig struct {
	Name string        // what errors call it, e.g. "kube-apiserver"
	Path string        // the binary
	Args []string      // without the binary
	Env  []string      // "K=v", added to our own environment
	Dir  string        // working folder; empty: ours
	Log  string        // file for stdout and stderr, made anew; its folder must exist
	Stop time.Duration // real time between TERM and KILL in Stop; 0: 3 s
}

// apiServerEnv lets an API server collect its garbage a quarter as often as usual: on two cores that is a tenth of a boot
// and some hundredths of a roll.
var apiServerEnv = []string{"GOGC=400"}

// Process is one child process. It is in a process group of its own, so that a terminal's Ctrl-C reaches only us, and
// on Linux the kernel kills it when we die in whatever way. Its methods may be called from any goroutine.
type Process struct {
	cfg  ProcessConfig
	cmd  *exec.Cmd
	done chan struct{} // closed after err is set
	err  error
}

// StartProcess starts a child; it does not wait for it to be of use, WaitReady does.
func StartProcess(c ProcessConfig) (*Process, error) {
	if c.Stop == 0 {
		c.Stop = 3 * time.Second
	}
	log, err := os.OpenFile(c.Log, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Name, err)
	}
	p := &Process{cfg: c, cmd: exec.Command(c.Path, c.Args...), done: make(chan struct{})}
	p.cmd.Dir, p.cmd.Env = c.Dir, append(os.Environ(), c.Env...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = childAttr()
	started := make(chan error)
	go p.run(log, started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("%s: %w", c.Name, err)
	}
	return p, nil
}

// run owns the child from start to end. The kernel's parent-death signal is tied to the thread that forked, not to
// the process, so this goroutine keeps its thread for as long as the child lives.
func (p *Process) run(log io.Closer, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer log.Close()
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	p.err = p.cmd.Wait()
	close(p.done)
}

// PID is the child's process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Name is the name given in the config.
func (p *Process) Name() string { return p.cfg.Name }

// Done is closed when the child has ended and was waited for.
func (p *Process) Done() <-chan struct{} { return p.done }

// Status waits for the end of the child: its exit status, -1 when a signal ended it.
func (p *Process) Status() int {
	<-p.done
	return p.cmd.ProcessState.ExitCode()
}

// Signal sends a signal to the child; a child that has ended is no error.
func (p *Process) Signal(s syscall.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("%s: signal %s: %w", p.cfg.Name, s, err)
	}
	return nil
}

// Stop ends the child and returns when it is gone: TERM, and KILL after the config's grace. Nil and an ended process
// are fine.
func (p *Process) Stop() {
	if p == nil {
		return
	}
	_ = p.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(p.cfg.Stop):
		_ = p.Signal(syscall.SIGKILL)
		<-p.done
	}
}

// Kill ends the child at once, as a crash would.
func (p *Process) Kill() {
	_ = p.Signal(syscall.SIGKILL)
	<-p.done
}

// ErrExited is in the error of WaitReady when the child has ended by itself; the text has the tail of its log.
var ErrExited = errors.New("exited early")

// WaitReady calls check every few real milliseconds until it returns nil. It gives up when ctx ends, with the last
// error of check, or when the child has ended.
func (p *Process) WaitReady(ctx context.Context, check func(context.Context) error) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return p.Exited()
		case <-ctx.Done():
			return fmt.Errorf("%s: not ready: %w (last check: %w)", p.cfg.Name, ctx.Err(), err)
		case <-tick.C:
		}
	}
}

// Exited waits for the child's end and describes it as an error, also when it ended with status 0.
func (p *Process) Exited() error {
	<-p.done
	how := "exit status 0"
	if p.err != nil {
		how = p.err.Error()
	}
	return fmt.Errorf("%s: %w (%s); end of %s:\n%s", p.cfg.Name, ErrExited, how, p.cfg.Log, tail(p.cfg.Log, 15))
}

// tail returns the last lines of a file, or why it cannot be read.
func tail(file string, lines int) string {
	f, err := os.Open(file)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	const most = 8 << 10
	if info, err := f.Stat(); err == nil && info.Size() > most {
		_, _ = f.Seek(-most, io.SeekEnd)
	}
	b, err := io.ReadAll(f)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// FreePort asks the kernel for a port on 127.0.0.1 that nobody uses now. Another process can take it before the
// caller's child does: a child that exits early with "address already in use" is started again with a new port.
func FreePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// portTries is how often a child is started on new ports before a taken port is an error.
const portTries = 5

// portTaken tells whether err is the early exit of a child that lost the race for its port.
func portTaken(err error) bool {
	return errors.Is(err, ErrExited) && strings.Contains(err.Error(), "address already in use")
}
