package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

const (
	scenarios = "../../scenarios/vsphere"      // the shipped runbook and world
	journals  = "../../runner/report/testdata" // runs, and what their reports are
)

// TestScripts runs what needs no twin: every answer to a mistake comes before anything is started. Each script finds the
// shipped scenario in the folder vsphere, and runs with their reports in the folder journals.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                "testdata/script",
		UpdateScripts:      *update,
		RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			return errors.Join(os.CopyFS(filepath.Join(e.WorkDir, "vsphere"), os.DirFS(scenarios)),
				os.CopyFS(filepath.Join(e.WorkDir, "journals"), os.DirFS(journals)))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"edit":            edit,
			"exits":           exits,
			"nothing-started": nothingStarted,
			"tear":            tear,
		},
	})
}

// exits is `exits CODE program [args…]`: exec that looks at the exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE program [args...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	if status := (*exec.ExitError)(nil); errors.As(err, &status) {
		got = status.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code: got %d, want %d", got, want)
	}
}

// edit is `edit FILE OLD NEW`: OLD, which must be there, becomes NEW.
func edit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: edit FILE OLD NEW")
	}
	file := ts.MkAbs(args[0])
	text := ts.ReadFile(file)
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s: got no %q in it", args[0], args[1])
	}
	ts.Check(os.WriteFile(file, []byte(strings.Replace(text, args[1], args[2], 1)), 0o600))
}

// nothingStarted looks for what a run leaves behind: the folder of run directories, and processes that know of the
// script's folder.
func nothingStarted(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: nothing-started")
	}
	if _, err := os.Stat(ts.MkAbs("runs")); !errors.Is(err, os.ErrNotExist) {
		ts.Fatalf("runs: got %v, want no such directory", err)
	}
	if l := processes(ts.Getenv("WORK")); len(l) > 0 {
		ts.Fatalf("got processes %v, want none", l)
	}
}

// tear is `tear FILE`: the file loses its last bytes, as one does whose writer was killed.
func tear(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: tear FILE")
	}
	text := ts.ReadFile(args[0])
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text[:len(text)-20]), 0o600))
}
