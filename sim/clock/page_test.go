package clock

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// teller makes the test binary a child process that tells its time.Now for every line that it reads.
const teller = "CLOCK_TEST_TELLER"

func TestMain(m *testing.M) {
	if os.Getenv(teller) != "" {
		for in := bufio.NewScanner(os.Stdin); in.Scan(); {
			fmt.Println(time.Now().UnixNano())
		}
		return
	}
	os.Exit(m.Run())
}

func TestAChildProcessFollowsSiteTime(t *testing.T) {
	page, err := NewPage(filepath.Join(t.TempDir(), "page"))
	if err != nil {
		t.Fatal(err)
	}
	defer page.Close()
	moveNow(time.Hour) // before the child starts
	defer func() { moveNow(-5 * time.Hour) }()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), teller+"=1", page.Env())
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	differs := func() time.Duration { // the child's time.Now and ours
		if _, err := fmt.Fprintln(in); err != nil {
			t.Fatal(err)
		}
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		ns, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return time.Since(time.Unix(0, ns)).Abs()
	}
	for i := range 2 {
		if d := differs(); d > time.Minute {
			t.Errorf("time.Now of a child after %d moves: got %s of difference, want none", i+1, d)
		}
		moveNow(2 * time.Hour)
	}
	want := 0
	if VirtualNow {
		want = 1
	}
	if got := page.Readers(); got != want {
		t.Errorf("readers of the page: got %d, want %d", got, want)
	}
	_ = in.Close()
	if err := child.Wait(); err != nil {
		t.Error(err)
	}
}
