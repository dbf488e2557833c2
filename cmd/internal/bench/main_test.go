package main

import (
	"strings"
	"testing"
)

func TestRunsThatAreNoneAreRefused(t *testing.T) {
	for _, n := range []int{0, -1} {
		if err := parts("run", n, "rehearse"); err == nil || !strings.Contains(err.Error(), "-n: got") {
			t.Errorf("%d runs: got %v, want a refusal", n, err)
		}
	}
}

// A process that says nothing and ends well has measured nothing.
func TestAForkWithoutFiguresIsToldAsOne(t *testing.T) {
	if _, err := forkOf("true", t.TempDir(), t.TempDir()); err == nil || err.Error() != "got no figures" {
		t.Errorf("got %v, want that there are no figures", err)
	}
}
