package vcenter_test

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/rehearse-dev/rehearse/fakes/fakekit/fakeclock"
	"github.com/rehearse-dev/rehearse/fakes/vcenter"
)

func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		v := bench(b)
		if err := v.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCreateVM(b *testing.B) {
	v := bench(b)
	defer v.Close()
	n := 0
	for b.Loop() {
		n++
		must(v.CreateVM(vcenter.VMSpec{Name: fmt.Sprint("vm-", n), Template: oldTemplate, Place: place, IP: "10.0.0.1"}))(b)
	}
}

func bench(b *testing.B) *vcenter.VCenter {
	return must(vcenter.Start(b.Context(), vcenter.Config{
		Clock: fakeclock.New(), Dir: b.TempDir(), User: url.UserPassword("u", "p"), Places: []vcenter.Place{place},
		Templates: []vcenter.Template{{Name: oldTemplate, Kubernetes: "v1.33.7"}, {Name: newTemplate, Kubernetes: "v1.34.5"}},
	}))(b)
}
