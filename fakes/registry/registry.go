package registry

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/rehearse-dev/rehearse/fakes/fakekit"
)

// Config is what a registry is made of.
type Config struct {
	Clock     fakekit.Clock // required
	Artifacts []string      // "repository:tag" of everything that is there from the start
}

// Registry is a running registry. Its methods may be called from any goroutine.
type Registry struct {
	clock   fakekit.Clock
	host    string
	server  *http.Server
	content http.Handler
	faults  faults
}

// Start fills the registry and serves it on a port of 127.0.0.1.
func Start(cfg Config) (*Registry, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	r := &Registry{
		clock: cfg.Clock, host: l.Addr().String(),
		content: registry.New(registry.Logger(log.New(io.Discard, "", 0))),
	}
	r.server = &http.Server{Handler: r, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = r.server.Serve(l) }() // ends with Close
	for _, a := range cfg.Artifacts {
		if err := r.Add(a); err != nil {
			return nil, errors.Join(err, r.Close())
		}
	}
	return r, nil
}

// URL is the base URL, without /v2.
func (r *Registry) URL() *url.URL { return &url.URL{Scheme: "http", Host: r.host} }

// Host is the address as the annotation cpaas.io/registry-address holds it: host:port.
func (r *Registry) Host() string { return r.host }

// Close stops serving at once.
func (r *Registry) Close() error { return r.server.Close() }

// ServeHTTP is the fault seam in front of the registry. Site time stands still while a request is served.
func (r *Registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.clock.Touch()
	defer r.clock.Busy("registry/" + req.Method)()
	if f := r.faults.hit(req.URL.Path); f != nil {
		f.Effect.answer(w)
		return
	}
	r.content.ServeHTTP(w, req)
}

// Add pushes an artifact, "repository:tag"; one that is there already stays. Faults do not hinder it.
func (r *Registry) Add(artifact string) error {
	tag, err := r.tag(artifact)
	if err != nil {
		return err
	}
	img := mutate.Annotations(empty.Image, map[string]string{
		"org.opencontainers.image.title": tag.RepositoryStr(), "org.opencontainers.image.version": tag.TagStr(),
	}).(v1.Image)
	if err := remote.Write(tag, img, remote.WithTransport(r.direct())); err != nil {
		return fmt.Errorf("registry: push %s: %w", artifact, err)
	}
	return nil
}

// Remove deletes an artifact, "repository:tag".
func (r *Registry) Remove(artifact string) error {
	tag, err := r.tag(artifact)
	if err != nil {
		return err
	}
	if err := remote.Delete(tag, remote.WithTransport(r.direct())); err != nil {
		return fmt.Errorf("registry: delete %s: %w", artifact, err)
	}
	return nil
}

func (r *Registry) tag(artifact string) (name.Tag, error) {
	tag, err := name.NewTag(r.host+"/"+artifact, name.StrictValidation, name.Insecure)
	if err != nil {
		return name.Tag{}, fmt.Errorf("registry: artifact %q: want repository:tag: %w", artifact, err)
	}
	return tag, nil
}
