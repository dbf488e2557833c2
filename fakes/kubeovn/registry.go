package kubeovn

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// Head returns a Fetch that asks a registry over HTTP for the manifest of the chart. at turns a repoURL into the base
// URL under which this process reaches that registry; nil takes the repoURL as host and port of a plain HTTP server.
func Head(c *http.Client, at func(repoURL string) *url.URL) Fetch {
	return func(ctx context.Context, repoURL, chart, revision string) error {
		base := &url.URL{Scheme: "http", Host: repoURL}
		if at != nil {
			base = at(repoURL)
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
