package kube

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestKilledParentLeavesNoChild(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVar+"=parent", "KUBE_TEST_LOG="+filepath.Join(t.TempDir(), "child.log"))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	line, err := bufio.NewReader(out).ReadString('\n')
	if _, scan := fmt.Sscan(line, &pid); err != nil || scan != nil {
		t.Fatalf("pid of the child: got %q (%v, %v)", line, err, scan)
	}
	if !runs(pid) {
		t.Fatalf("child %d does not run", pid)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	for ctx := deadline(t, 10*time.Second); runs(pid); {
		if ctx.Err() != nil {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			t.Fatalf("child %d outlives its killed parent", pid)
		}
		time.Sleep(time.Millisecond) // the kernel delivers the signal in its own time
	}
}

// runs tells whether a process exists and is no zombie.
func runs(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	s := string(b)
	return !strings.HasPrefix(s[strings.LastIndexByte(s, ')')+1:], " Z")
}

func TestUsageIsThatOfARunningProcess(t *testing.T) {
	p := start(t, self("child", filepath.Join(t.TempDir(), "log")))
	u, err := p.Usage()
	if err != nil || u.RSS == 0 || u.PSS == 0 {
		t.Errorf("got %+v, %v, want some memory", u, err)
	}
	p.Kill()
	if _, err := p.Usage(); err == nil {
		t.Error("usage of an ended process: got no error")
	}
}
