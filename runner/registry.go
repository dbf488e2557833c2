package runner

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/rehearse-dev/rehearse/dsl"
)

// maxTags bounds one page of a registry's answer.
const maxTags = 8 << 20

// registry is the image registry as a step or a poll sees it, asked through the OCI distribution API. It implements
// dsl.Registry.
type registry struct{ *acting }

// Tags implements dsl.Registry.
func (r *registry) Tags(ctx context.Context, repository string) ([]string, error) {
	base := r.host.run.Site.Registry()
	op := "list tags of " + repository
	if base == nil {
		return nil, fmt.Errorf("%s: the site has no registry", op)
	}
	var tags []string
	err := r.read(ctx, op, func(ctx context.Context) error {
		tags = nil
		next := base.JoinPath("v2", repository, "tags", "list")
		next.RawQuery = ""
		for next != nil {
			page, more, err := tagPage(ctx, base, next)
			if err != nil {
				return err
			}
			tags, next = append(tags, page...), more
		}
		return nil
	})
	return tags, err
}

// tagPage asks for one page and says where the next one is, nil after the last.
func tagPage(ctx context.Context, base, at *url.URL) (tags []string, next *url.URL, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, nil, err
	}
	req.URL.User = nil
	if base.User != nil {
		password, _ := base.User.Password()
		req.SetBasicAuth(base.User.Username(), password)
	}
	resp, err := registryClient(base).Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxTags))
	if err != nil {
		return nil, nil, err
	}
	switch {
	case resp.StatusCode == http.StatusNotFound:
		return nil, nil, dsl.ErrNotFound
	case resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests:
		return nil, nil, &busyRegistry{resp.Status}
	case resp.StatusCode != http.StatusOK:
		return nil, nil, fmt.Errorf("the registry says %s", resp.Status)
	}
	var list struct {
		Tags []string `json:"tags"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, nil, fmt.Errorf("not a list of tags: %w", err)
	}
	next, err = nextPage(at, resp.Header.Get("Link"))
	return list.Tags, next, err
}

// nextPage reads a header like </v2/a/tags/list?last=x&n=100>; rel="next".
func nextPage(at *url.URL, link string) (*url.URL, error) {
	target, rest, ok := strings.Cut(strings.TrimPrefix(link, "<"), ">")
	if !ok || !strings.Contains(rest, "next") {
		return nil, nil
	}
	next, err := at.Parse(target)
	if err != nil {
		return nil, err
	}
	if next.Host != at.Host || next.String() == at.String() { // neither elsewhere with our credentials, nor in circles
		return nil, errors.New("the registry's next page is not on it")
	}
	return next, nil
}

func registryClient(base *url.URL) *http.Client {
	if !Insecure(base) {
		return http.DefaultClient
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	t.DisableKeepAlives = true // a transport of one request
	return &http.Client{Transport: t}
}

// busyRegistry is an answer that says that there is none now.
type busyRegistry struct{ status string }

func (e *busyRegistry) Error() string { return "the registry says " + e.status }
