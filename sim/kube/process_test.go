package kube

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// roleVar makes the test binary play another program: "parent" starts a child and never ends, "child" never ends,
// "stubborn" ignores TERM, "quitter" ends at once.
const roleVar = "KUBE_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVar) {
	case "parent":
		p, err := StartProcess(self("child", os.Getenv("KUBE_TEST_LOG")))
		if err != nil {
			panic(err)
		}
		fmt.Println(p.PID())
		select {}
	case "child":
		fmt.Println("here")
		for {
			time.Sleep(time.Hour)
		}
	case "stubborn":
		ignore := make(chan os.Signal, 8)
		signal.Notify(ignore, syscall.SIGTERM)
		fmt.Println("here")
		for range ignore {
			fmt.Println("no")
		}
	case "manager":
		fmt.Println("healthz:", health(os.Args[1]))
		select {}
	case "quitter":
		fmt.Println("I would rather not")
		os.Exit(3)
	}
	os.Exit(m.Run())
}

// self runs this test binary in a role.
func self(role, log string) ProcessConfig {
	return ProcessConfig{Name: role, Path: os.Args[0], Env: []string{roleVar + "=" + role}, Log: log}
}

func deadline(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestStopKillsAStubbornProcess(t *testing.T) {
	c := self("stubborn", filepath.Join(t.TempDir(), "log"))
	c.Stop = 50 * time.Millisecond
	p := start(t, c)
	p.Stop()
	select {
	case <-p.Done():
	default:
		t.Error("the process runs after Stop")
	}
	if got := tail(c.Log, 1); got != "no" {
		t.Errorf("log: got %q, want %q: TERM was not tried first", got, "no")
	}
	p.Stop() // harmless
	if err := p.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("signal after the end: got %v, want nil", err)
	}
}

// start starts a role and waits until it has said so.
func start(t *testing.T, c ProcessConfig) *Process {
	t.Helper()
	p, err := StartProcess(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	if err := p.WaitReady(deadline(t, 10*time.Second), func(context.Context) error {
		if tail(c.Log, 1) == "" {
			return errors.New("silent")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestChildIsInAGroupOfItsOwn(t *testing.T) {
	p := start(t, self("child", filepath.Join(t.TempDir(), "log")))
	group, err := syscall.Getpgid(p.PID())
	if err != nil || group != p.PID() {
		t.Errorf("process group: got %d, %v, want %d", group, err, p.PID())
	}
}

func TestWaitReadyTellsOfAnEarlyExit(t *testing.T) {
	log := filepath.Join(t.TempDir(), "quitter.log")
	p, err := StartProcess(self("quitter", log))
	if err != nil {
		t.Fatal(err)
	}
	err = p.WaitReady(deadline(t, 10*time.Second), func(context.Context) error { return errors.New("no answer") })
	want := "quitter: exited early (exit status 3); end of " + log + ":\nI would rather not"
	if !errors.Is(err, ErrExited) || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestStartProcessTellsOfAMissingBinary(t *testing.T) {
	_, err := StartProcess(ProcessConfig{Name: "etcd", Path: "/nowhere/etcd", Log: filepath.Join(t.TempDir(), "log")})
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want %v", err, os.ErrNotExist)
	}
}
