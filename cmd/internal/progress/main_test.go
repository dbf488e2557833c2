package main

import (
	"strings"
	"sync/atomic"
	"testing"
)

func TestRelayCountsPackagesAndPassesOnTheRest(t *testing.T) {
	in := "go: downloading k8s.io/api v0.35.4\nk8s.io/api/core/v1\nunicode/utf8\n# example.com/x\nx/y.go:3:1: undefined: z\n"
	var out strings.Builder
	var n atomic.Int64
	if err := relay(strings.NewReader(in), &out, &n); err != nil {
		t.Fatal(err)
	}
	want := "go: downloading k8s.io/api v0.35.4\n# example.com/x\nx/y.go:3:1: undefined: z\n"
	if out.String() != want || n.Load() != 2 {
		t.Errorf("got %q and %d packages, want %q and 2", out.String(), n.Load(), want)
	}
}
