package kubeovn

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// Head returns a Fetch that asks a registry over HTTP for the manifest of the chart. at is the site's name service: the
// base URL under which this process reaches the registry that a repoURL names, or why nobody answers there. Whoever
// calls the Fetch bounds it by its context.
func Head(c *http.Client, at func(repoURL string) (*url.URL, error)) Fetch {
	return func(ctx context.Context, repoURL, chart, revision string) error {
		base, err := at(repoURL)
		if err != nil {
			return err
		}
		u := base.JoinPath("v2", chart, "manifests", revision)
		req, err := http.NewRequestWithContext(ctx, http.MethodHead, u.String(), nil)
		if err != nil {
			return err
		}
		resp, err := c.Do(req)
		if err != nil {
			return err
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: got %s", u, resp.Status)
		}
		return nil
	}
}
