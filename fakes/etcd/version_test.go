package etcd_test

import (
	"errors"
	"testing"
	"time"

	"github.com/rehearse-dev/rehearse/fakes/etcd"
)

// versioned are the peers of those names, all of one version.
func versioned(version string, names ...string) []etcd.Peer {
	l := peers(names...)
	for i := range l {
		l[i].Version = version
	}
	return l
}

// join adds a member as kubeadm does and returns what its etcd process said.
func (f *fixture) join(t *testing.T, name, version string) error {
	t.Helper()
	f.clock.Advance(5 * time.Second) // all voters have been connected for long enough
	must(t, f.AddLearner(versioned(version, name)[0]))
	if err := f.Start(name); err != nil {
		return err
	}
	f.clock.Advance(2 * time.Second)
	return f.Promote(name)
}

func (f *fixture) wantVersion(t *testing.T, want string) {
	t.Helper()
	if got := f.Version(); got != want {
		t.Errorf("cluster version: got %q, want %q", got, want)
	}
}

func TestTheClusterVersionRisesWithTheLastMember(t *testing.T) {
	f := newFixture(t)
	must(t, f.Bootstrap(versioned("3.5.28", "a", "b", "c")...))
	f.wantVersion(t, "3.5")
	for _, step := range []struct{ in, out, version string }{{"d", "a", "3.5"}, {"e", "b", "3.5"}} {
		must(t, f.join(t, step.in, "3.6.13"))
		f.wantVersion(t, "3.5")
		must(t, f.remove(t, step.in, step.out))
		f.wantVersion(t, step.version)
	}
	must(t, f.join(t, "f", "3.6.13"))
	f.Stop("f")
	must(t, f.remove(t, "d", "c"))
	f.wantVersion(t, "3.5") // nobody knows what f is, while it is down
	must(t, f.Start("f"))
	f.wantVersion(t, "3.6")
}

func TestAnOlderMinorDoesNotJoin(t *testing.T) {
	for name, c := range map[string]struct {
		cluster, member string
		want            error
	}{
		"an older minor":      {"3.6.13", "3.5.28", etcd.ErrIncompatible},
		"an older patch":      {"3.5.28", "3.5.21", nil},
		"the same":            {"3.5.28", "3.5.28", nil},
		"a newer minor":       {"3.5.28", "3.6.13", nil},
		"a tag that is none":  {"3.6.13", "", nil},
		"a cluster of no tag": {"", "3.5.28", nil},
	} {
		f := newFixture(t)
		must(t, f.Bootstrap(versioned(c.cluster, "a", "b", "c")...))
		if err := f.join(t, "d", c.member); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
		if c.want == nil {
			f.want(t, "a leads", "b", "c", "d")
			continue
		}
		f.want(t, "a leads", "b", "c", "d learns is down")
		must(t, f.remove(t, "a", "d")) // as whoever repairs it does
	}
}

func TestAMixedClusterStillTakesTheOldMinor(t *testing.T) {
	f := newFixture(t)
	must(t, f.Bootstrap(versioned("3.5.28", "a", "b", "c")...))
	must(t, f.join(t, "d", "3.6.13"))
	must(t, f.join(t, "e", "3.5.28"))
	f.wantVersion(t, "3.5")
}

func TestBootstrapMayBeRepeated(t *testing.T) {
	f := newFixture(t)
	must(t, f.Bootstrap(peers("a")...))
	must(t, f.Bootstrap(peers("a")...))
	f.want(t, "a leads")
	if err := f.Bootstrap(peers("b")...); err == nil {
		t.Error("another machine: got no error, want one")
	}
}
