// Rehearse runs an upgrade runbook on a digital twin of the site.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/rehearse-dev/rehearse/cmd/internal/rehearsal"
)

func main() {
	// A reader that has gone (| head) must not end a run in the middle: the write to it fails, which untilGone takes
	// for done. Notify and not Ignore, which the children would inherit.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	ending := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as under nohup
		ending = append(ending, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ending...)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	rehearsal.CollectLess(os.Getenv)
	code := run(ctx, os.Args[1:], newEnv())
	stop()
	os.Exit(code)
}
