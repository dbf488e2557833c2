package fault

import (
	"context"
	"strings"

	"github.com/rehearse-dev/rehearse/fakes/vcenter"
)

// vCenterFails injects a fault of vCenter. what says what happened to NAME, which the fault hit; describe makes
// the fault of the arguments.
func vCenterFails(what, waits string, describe func(s Site, a Args) (vcenter.Fault, error)) func(context.Context, Site, Args, func(string)) (laid, error) {
	return func(_ context.Context, s Site, a Args, hit func(string)) (laid, error) {
		f, err := describe(s, a)
		if err != nil {
			return laid{}, err
		}
		if _, of := a["role"]; of {
			f.Which = s.Which("", a["role"])
		}
		f.Fired = func(name string) { hit(strings.ReplaceAll(what, "NAME", name)) }
		heal := s.FailVCenter(f)
		return laid{heal: func(context.Context) error { heal(); return nil }, waits: waits}, nil
	}
}
