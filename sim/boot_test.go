package sim_test

import (
	"context"
	"errors"
	"testing"

	"github.com/rehearse-dev/rehearse/sim"
)

// TestABootThatEndsSaysWhy: what failed last says only that it was told to end.
func TestABootThatEndsSaysWhy(t *testing.T) {
	died := errors.New("management kube-apiserver: exit status 1")
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(died)
	for _, c := range []struct {
		name string
		ctx  context.Context
		err  error
		want string
	}{
		{"no error", ended, nil, ""},
		{"the context is alive", t.Context(), errors.New("no such file"), "no such file"},
		{"ended", ended, context.Canceled, "management kube-apiserver: exit status 1: context canceled"},
		{"said already", ended, errors.Join(died), died.Error()},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ""
			if err := sim.Because(c.ctx, c.err); err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
