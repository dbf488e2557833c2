package runner

import (
	"context"
	"net/url"
	"time"

	"k8s.io/client-go/rest"
)

// Site is what a runbook runs on, asked for endpoints and never for behaviour: a twin answers with its own servers,
// a live site with the real ones, and a runbook cannot tell them apart.
type Site interface {
	// Management is the management cluster. The caller owns the copy.
	Management() *rest.Config
	// Workload is the named workload cluster; the error says when there is none.
	Workload(ctx context.Context, name string) (*rest.Config, error)
	// VCenter is the vSphere endpoint with credentials, nil when the site has none. Its certificate is verified, unless
	// it is on this machine or the URL says ?insecure=true; the same holds for Registry.
	VCenter() *url.URL
	// Registry is the base URL of the image registry, nil when the site has none.
	Registry() *url.URL
	Clock() Clock
	Person() Person
}

// Clock is site time: virtual on a twin, the wall clock on a live site.
type Clock interface {
	Now() time.Time
	// Sleep blocks for d of site time. The caller holds no Busy token.
	Sleep(ctx context.Context, d time.Duration) error
	// Busy keeps a twin's clock from moving until done is called; a live clock ignores it.
	Busy(what string) (done func())
}

// Person answers gates and manual steps. Site time stands still while they do.
type Person interface {
	// Approve returns nil when the gate is approved, else the reason why not.
	Approve(ctx context.Context, id, question string) error
	// Act returns nil when the person says that the instructions were carried out.
	Act(ctx context.Context, id, instructions string) error
}
