package main

import (
	"io"
	"os"

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

func newEnv() *env {
	fd := int(os.Stderr.Fd())
	exe, err := os.Executable()
	if err != nil {
		exe = "" // then nothing is looked for beside it
	}
	return &env{stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv, terminal: term.IsTerminal(fd),
		size: func() (int, int) {
			w, h, err := term.GetSize(fd)
			if err != nil {
				return 80, 24
			}
			return w, h
		},
		lookup: assets.Lookup{Executable: exe, Getenv: os.Getenv}}
}
