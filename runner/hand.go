package runner

import (
	"context"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/runner/journal"
)

// Hand lets somebody else than the runbook act on a site, for example the operator of a rehearsal: f gets a site that it
// may write to, until it returns. What is written goes into a journal of that hand's own, since it is nothing that the
// run did. Site time stands still meanwhile, so a request that is not answered is not sent again. A panic of f is an
// error.
func Hand(ctx context.Context, s Site, j *journal.Writer, who string, f func(context.Context, dsl.Site) error) error {
	h := newHost(&run{Options: Options{Site: s, Journal: j}, fold: journal.NewRun()})
	h.hold()
	defer h.release()
	defer h.clear()
	a := &acting{host: h, step: who, mayWrite: true}
	defer a.close()
	return h.within(ctx, 0, func(ctx context.Context) error { return f(ctx, a) })
}
