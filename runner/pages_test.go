package runner_test

import (
	"testing"

	"github.com/rehearse-dev/rehearse/runner"
	"github.com/rehearse-dev/rehearse/runner/journal"
)

// A server forgets a list's next page after some minutes; the list is asked for again, all at once.
func TestAListWhoseNextPageHasExpiredIsAskedForAgain(t *testing.T) {
	api := newFakeAPI(t)
	for _, name := range []string{"a", "b"} {
		api.put("v1", "configmaps", object{"apiVersion": "v1", "kind": "ConfigMap", "metadata": object{"name": name}})
	}
	api.cut = "/configmaps"
	r := newRig(t, newSite(t, api.config()))
	got := r.run(t, script(t, `
def count(site):
    n = len(site.management.list("ConfigMap", namespace = "ns"))
    require(n == 2, "got %d objects, want 2" % n)

def run(ctx, p):
    ctx.step("count", count, risk = "read")
`))
	expect(t, got, journal.Pass, runner.ExitPass, "count done")
}
