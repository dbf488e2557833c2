package main

import (
	"strings"
	"testing"
)

func TestEveryVerbHasExamples(t *testing.T) {
	for _, verb := range verbs {
		c := verb(&env{})
		if c.Short == "" || !strings.HasPrefix(strings.TrimSpace(c.Example), "rehearse "+c.Name()) &&
			!strings.Contains(c.Example, "rehearse "+c.Name()+" ") {
			t.Errorf("%s: got short %q and example %q, want what it does and how it is called", c.Name(), c.Short, c.Example)
		}
	}
}
