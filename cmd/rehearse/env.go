package main

import (
	"errors"
	"io"
	"os"
	"syscall"

	"golang.org/x/term"

	"github.com/rehearse-dev/rehearse/sim/assets"
)

// env is what the commands know of the process that they run in.
type env struct {
	stdout, stderr io.Writer
	getenv         func(string) string
	terminal       bool // stderr is one
	size           func() (width, height int)
	lookup         assets.Lookup
}

// untilGone is a writer whose reader may go away (| head): what nobody reads is written all the same.
type untilGone struct{ to io.Writer }

func (w untilGone) Write(b []byte) (int, error) {
	n, err := w.to.Write(b)
	if errors.Is(err, syscall.EPIPE) {
		return len(b), nil
	}
	return n, err
}

func newEnv() *env {
	fd := int(os.Stderr.Fd())
	exe, err := os.Executable()
	if err != nil {
		exe = "" // then nothing is looked for beside it
	}
	return &env{stdout: untilGone{os.Stdout}, stderr: untilGone{os.Stderr}, getenv: os.Getenv, terminal: term.IsTerminal(fd),
		size: func() (int, int) {
			w, h, err := term.GetSize(fd)
			if err != nil {
				return 80, 24
			}
			return w, h
		},
		lookup: assets.Lookup{Executable: exe, Getenv: os.Getenv}}
}
