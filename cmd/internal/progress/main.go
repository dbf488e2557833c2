// Progress runs "go build -v" with the arguments that it is given and says, while that takes long, how far it is: the
// first build of this module compiles some thousand packages, and silence for minutes looks like a fault.
//
// Use: progress WHAT ARGUMENT…, with GOFLAGS as the build wants it.
package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// beat is how often we say something.
const beat = 10 * time.Second

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: progress WHAT ARGUMENT…")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}

func run(ctx context.Context, what string, args []string) error {
	start := time.Now()
	cmd := exec.CommandContext(ctx, "go", append([]string{"build", "-v"}, args...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Stdout = os.Stdout
	out, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s: building (some minutes on 2 cores the first time)\n", what)
	if err := cmd.Start(); err != nil {
		return err
	}
	var packages atomic.Int64
	tick := time.NewTicker(beat)
	defer tick.Stop()
	done := make(chan error)
	go func() { done <- relay(out, os.Stderr, &packages) }()
	for {
		select {
		case <-tick.C:
			fmt.Fprintf(os.Stderr, "%s: %.0f s, %d packages compiled\n", what, time.Since(start).Seconds(), packages.Load())
		case read := <-done:
			if err := cmd.Wait(); err != nil {
				return err
			}
			fmt.Fprintf(os.Stderr, "%s: done in %.0f s\n", what, time.Since(start).Seconds())
			return read
		}
	}
}

// relay counts the import paths among the lines and passes on all others: downloads and what the compiler says.
func relay(from io.Reader, to io.Writer, packages *atomic.Int64) error {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if line := lines.Text(); isImportPath(line) {
			packages.Add(1)
		} else {
			fmt.Fprintln(to, line)
		}
	}
	return lines.Err()
}

func isImportPath(line string) bool {
	return line != "" && !strings.ContainsAny(line, " \t#:")
}
