package sim_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-logr/logr"

	"github.com/rehearse-dev/rehearse/sim"
	"github.com/rehearse-dev/rehearse/sim/assets"
	"github.com/rehearse-dev/rehearse/sim/clock"
)

// childDir, in the environment, makes the test binary a process that only runs a twin; childEnd says how it is to end by
// itself.
const (
	childDir = "REHEARSE_TEST_TWIN"
	childEnd = "REHEARSE_TEST_END"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		runChild(dir)
		return
	}
	os.Exit(m.Run())
}

// runChild boots the twin whose manifests are in dir/world, says so, and waits to be killed.
func runChild(dir string) {
	w := sim.World{Name: "test", Clusters: []sim.Cluster{{Name: "prod-a", Manifests: filepath.Join(dir, "world")}},
		Templates: []sim.Template{{Name: oldTemplate, Kubernetes: "v1.33.7-3"}}, Artifacts: []string{"acp/chart-cpaas-kube-ovn:v4.2.26"}}
	p, err := sim.Load(w, 1)
	if err != nil {
		panic(err)
	}
	b, err := assets.Lookup{Getenv: os.Getenv}.Find(context.Background())
	if err != nil {
		panic(err)
	}
	if _, err := p.Start(context.Background(), sim.Options{Dir: filepath.Join(dir, "twin"), Binaries: b, Pace: clock.Hold, Log: logr.Discard(),
		Progress: func(text string) { fmt.Println(text) }}); err != nil {
		panic(err)
	}
	fmt.Println("ready")
	if os.Getenv(childEnd) == "panic" {
		panic("a bug")
	}
	select {}
}

// child starts such a process and returns when it has said the word.
func child(t *testing.T, word, end string) (*exec.Cmd, string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "world"), os.DirFS(world(t, 1, 1).Clusters[0].Manifests)); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), childDir+"="+dir, childEnd+"="+end)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	said := make(chan error, 1)
	go func() {
		s := bufio.NewScanner(out)
		for s.Scan() {
			if strings.HasPrefix(s.Text(), word) {
				said <- nil
				break
			}
		}
		for s.Scan() {
		}
		said <- fmt.Errorf("it ended without %q", word)
	}()
	select {
	case err := <-said:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(3 * time.Minute):
		t.Fatalf("the twin did not say %q", word)
	}
	return c, dir
}

// processes are those that have dir in their command line.
func processes(dir string) []string {
	var l []string
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil && strings.Contains(string(b), dir) {
			l = append(l, strings.ReplaceAll(string(b), "\x00", " "))
		}
	}
	return l
}

// gone waits until no process of the twin is left.
func gone(t *testing.T, dir string) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for len(processes(dir)) > 0 {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("left behind: %s", strings.Join(processes(dir), "\n"))
		}
	}
}

func TestAKilledTwinLeavesNoProcessBehind(t *testing.T) {
	for _, c := range []struct{ name, word, end string }{
		{"killed during the boot", "writing the clusters", ""},
		{"killed when ready", "ready", ""},
		{"after a panic", "ready", "panic"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, dir := child(t, c.word, c.end)
			if c.end == "" {
				if len(processes(dir)) < 3 {
					t.Errorf("while it runs: got %d processes, want etcd and API servers", len(processes(dir)))
				}
				if err := p.Process.Signal(syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
			}
			gone(t, dir)
		})
	}
}

func TestTwoTwinsAtOnceDoNotDisturbEachOther(t *testing.T) {
	one, dirOne := child(t, "ready", "")
	_, dirTwo := child(t, "ready", "")
	if err := one.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	gone(t, dirOne)
	if n := len(processes(dirTwo)); n < 6 {
		t.Errorf("the second twin after the end of the first: got %d processes, want all of its own", n)
	}
}
