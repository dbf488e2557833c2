package main

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rehearse-dev/rehearse/sim/assets"
	"github.com/rehearse-dev/rehearse/sim/kube"
)

var allControllers = regexp.MustCompile(`All controllers: (.*)`)

// What the program itself says it has is what runs and what is off, each controller once.
func TestEveryControllerRunsOrIsSaidToBeOff(t *testing.T) {
	b, err := assets.Lookup{Getenv: os.Getenv}.Locate(t.Context(), "kube-controller-manager")
	if err != nil {
		t.Fatal(err)
	}
	help, err := exec.CommandContext(t.Context(), b.Path, "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	m := allControllers.FindSubmatch(help)
	if m == nil {
		t.Fatalf("%s --help: got no list of controllers", b.Path)
	}
	want := strings.Split(string(m[1]), ", ")
	got := kube.PlaneControllers()
	for _, row := range off {
		got = append(got, row.controllers...)
	}
	for _, name := range want {
		if n := count(got, name); n != 1 {
			t.Errorf("%s: got it %d times among what runs and what is off, want once", name, n)
		}
	}
	for _, name := range append(got, kube.ManagementControllers()...) {
		if !slices.Contains(want, name) {
			t.Errorf("%s: kube-controller-manager has no such controller", name)
		}
	}
}

func count(l []string, s string) int {
	n := 0
	for _, x := range l {
		if x == s {
			n++
		}
	}
	return n
}
