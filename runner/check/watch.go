package check

import (
	"context"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

// again is the site time between two attempts to watch.
const again = 5 * time.Second

// watch follows a feed from a resource version until ctx ends. A site that does not answer is asked again and again:
// what was missed comes with the next list.
func (o *Observer) watch(ctx context.Context, f *feed, version string) {
	for ctx.Err() == nil {
		var err error
		if version == "" {
			version, err = o.listBusy(ctx, f)
		}
		if err == nil {
			version, err = o.follow(ctx, f, version)
		}
		if err != nil { // start over with a list
			version = ""
		}
		if o.clock.Sleep(ctx, again) != nil {
			return
		}
	}
}

func (o *Observer) listBusy(ctx context.Context, f *feed) (string, error) {
	defer o.clock.Busy("observer lists")()
	return o.list(ctx, f)
}

// follow returns the version to go on with when the server ends the watch.
func (o *Observer) follow(ctx context.Context, f *feed, version string) (string, error) {
	w, err := f.from.Watch(ctx, metav1.ListOptions{ResourceVersion: version, AllowWatchBookmarks: true})
	if err != nil {
		return "", err
	}
	defer w.Stop()
	for {
		select {
		case <-ctx.Done():
			return version, nil
		case e, ok := <-w.ResultChan():
			if !ok {
				return version, nil
			}
			if version, err = o.event(ctx, f, e); err != nil {
				return "", err
			}
		}
	}
}

func (o *Observer) event(ctx context.Context, f *feed, e watch.Event) (version string, err error) {
	defer o.clock.Busy("observer")()
	if e.Type == watch.Error {
		return "", apierrors.FromObject(e.Object)
	}
	x, ok := e.Object.(*object)
	if !ok {
		return "", fmt.Errorf("watch %s: got %T, want an object", f.name, e.Object)
	}
	switch e.Type {
	case watch.Added, watch.Modified:
		err = o.sees(ctx, f, x, unlessOlder)
	case watch.Deleted:
		err = o.misses(f, nameOf(x))
	}
	return x.GetResourceVersion(), err
}

// Refresh looks at what is known already without waiting for the watches, so that whoever has just written sees what it
// wrote. What comes and goes is left to the watches. An error leaves things as the watches tell them.
func (o *Observer) Refresh(ctx context.Context) error {
	for _, f := range o.feeds {
		l, err := f.from.List(ctx, metav1.ListOptions{})
		if err != nil {
			return fmt.Errorf("observe: list %s: %w", f.name, err)
		}
		for i := range l.Items {
			if err := o.sees(ctx, f, &l.Items[i], ifNewer); err != nil {
				return err
			}
		}
	}
	return nil
}

// news tells whether a sight of an object is to be handed on, by what is known of it; nil: it is not known.
type news func(known *sighting, x *object) bool

// always is for lists by which a watch begins: they are the truth, also of a storage that was set back.
func always(*sighting, *object) bool { return true }

// unlessOlder is for a watch, which may be behind a look.
func unlessOlder(known *sighting, x *object) bool {
	return known == nil || version(known.object) <= version(x)
}

// ifNewer is for a look, which may be behind a watch: what is not known may have gone since.
func ifNewer(known *sighting, x *object) bool {
	return known != nil && version(known.object) < version(x)
}

// version is the resource version as the number that API servers count with; 0 when it is none.
func version(o *object) uint64 {
	v, _ := strconv.ParseUint(o.GetResourceVersion(), 10, 64)
	return v
}

func nameOf(o *object) string { return o.GetNamespace() + "/" + o.GetName() }

func compareObjects(a, b *object) int { return strings.Compare(nameOf(a), nameOf(b)) }

func sameBody(a, b journal.Body) bool { return reflect.DeepEqual(a, b) }
