package kube

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/manager"
)

// sameMapper lets two managers share one RESTMapper: discovery of all groups is not free.
func sameMapper(m manager.Manager) func(*rest.Config, *http.Client) (meta.RESTMapper, error) {
	return func(*rest.Config, *http.Client) (meta.RESTMapper, error) { return m.GetRESTMapper(), nil }
}

// startWebhooks serves admission and conversion and returns when the port answers.
func (k *Controllers) startWebhooks(ctx context.Context, m *Management, log logr.Logger) error {
	ended := make(chan error, 1)
	go func() {
		err := k.hooks.Start(ctx)
		if err != nil && ctx.Err() == nil {
			log.Error(err, "webhook server ended")
		}
		ended <- err
	}()
	addr := m.Webhooks.Address()
	dialer := &tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}} // only asks whether anybody is there
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := dialer.DialContext(ctx, "tcp", addr)
		if err == nil {
			return c.Close()
		}
		select {
		case err := <-ended:
			return fmt.Errorf("webhook server on %s: %w", addr, err)
		case <-ctx.Done():
			return fmt.Errorf("webhook server on %s: %w (last error: %w)", addr, ctx.Err(), err)
		case <-tick.C:
		}
	}
}
