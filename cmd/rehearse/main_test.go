package main

import (
	"flag"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite what the scripts of testdata/script expect")

// TestMain makes the test binary play the program: a copy of it named rehearse is the first in PATH.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"rehearse": main})
}
