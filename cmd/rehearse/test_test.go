package main

import (
	"strings"
	"testing"

	"github.com/rehearse-dev/rehearse/cmd/internal/suite"
	"github.com/rehearse-dev/rehearse/runner/report"
)

func TestWhatRepeatsASuite(t *testing.T) {
	paths := []string{"scenarios"}
	for _, c := range []struct {
		name string
		got  []string
		want string
	}{
		{"all", (&testFlags{seed: 1}).command(paths, suite.Shard{}), "rehearse test scenarios --seed 1"},
		{"a part", (&testFlags{seed: 2, run: "a|b", repeat: 3, rerunFailed: true}).command(paths, suite.Shard{Index: 2, Count: 5}),
			"rehearse test scenarios --run 'a|b' --shard 2/5 --rerun-failed --repeat 3 --seed 2"},
		{"one", (&testFlags{seed: 1}).repeatOne("x_test.star", "etcd (3)"), `rehearse test x_test.star --run '^etcd \(3\)$' --seed 1`},
		{"one that is not the same twice", (&testFlags{seed: 1, repeat: 2}).repeatOne("x_test.star", "etcd"), "rehearse test x_test.star --run '^etcd$' --repeat 2 --seed 1"},
	} {
		if got := strings.TrimSpace(report.Command(c.got)); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}
