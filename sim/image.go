package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// images is how the nodes of a cluster get theirs. An image of the site's registry is there if the registry says so; of
// a repository in which the registry holds nothing the world has said nothing, and everything in it is taken as
// synchronised. Images of other hosts can always be had: the twin does not model those.
type images struct {
	registry *url.URL // the twin's
	hosts    []string // by which manifests name it, the site's own name of it among them
}

// pull is nil when a node can have an image; its error is in containerd's words. It asks the registry as a node does, so
// whatever befalls the registry shows.
func (i images) pull(ctx context.Context, image string) error {
	host, rest, _ := strings.Cut(image, "/")
	if !slices.Contains(i.hosts, host) {
		return nil
	}
	repository, reference := split(rest)
	u := i.registry.JoinPath("v2", repository, "manifests", reference).String()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return fmt.Errorf("failed to pull and unpack image %q: %w", image, err)
	}
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		return unresolved(image, "Unknown", fmt.Sprintf("failed to do request: %v", err))
	}
	defer r.Body.Close()
	switch {
	case r.StatusCode == http.StatusOK, r.StatusCode == http.StatusNotFound && unknownRepository(r):
		return nil
	case r.StatusCode == http.StatusNotFound:
		return unresolved(image, "NotFound", image+": not found")
	}
	return unresolved(image, "Unknown", fmt.Sprintf("unexpected status from GET request to %s: %s", u, r.Status))
}

// unresolved is containerd's error for an image that it cannot find
// (github.com/kubernetes-sigs/provider-aws-test-infra pull request 281 quotes one).
func unresolved(image, code, why string) error {
	return fmt.Errorf("rpc error: code = %s desc = failed to pull and unpack image %q: failed to resolve reference %q: %s",
		code, image, image, why)
}

// split parts "repository[:tag][@digest]"; without either it is the tag latest.
func split(rest string) (repository, reference string) {
	repository, digest, pinned := strings.Cut(rest, "@")
	repository, tag, tagged := strings.Cut(repository, ":")
	switch {
	case pinned:
		return repository, digest
	case tagged:
		return repository, tag
	}
	return repository, "latest"
}

// unknownRepository tells whether a registry that has not found a manifest knows nothing of its repository.
func unknownRepository(r *http.Response) bool {
	var body struct{ Errors []struct{ Code string } }
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || len(body.Errors) == 0 {
		return false
	}
	return body.Errors[0].Code == "NAME_UNKNOWN"
}
