package kube

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/conversion"
)

// This file tells the management API of the providers' kinds, and of the server that admits and converts their objects.
// envtest could do it, but a program that imports it makes a folder in the user's cache whenever it starts.

func (s *WebhookServer) url(path string) *string {
	return ptr.To("https://" + s.Address() + "/" + strings.TrimPrefix(path, "/"))
}

// serve points a webhook, which the manifests put behind a Service, here.
func (s *WebhookServer) serve(c *admissionv1.WebhookClientConfig) {
	if c.Service != nil {
		c.URL, c.Service, c.CABundle = s.url(ptr.Deref(c.Service.Path, "")), nil, s.ca
	}
}

// convert lets this process convert the kinds whose versions it knows. The manifests of the others may name a webhook
// too, which nobody would serve.
func (s *WebhookServer) convert(scheme *runtime.Scheme, crds []*apiextensionsv1.CustomResourceDefinition) error {
	convertible := map[schema.GroupKind]bool{}
	for gvk := range scheme.AllKnownTypes() {
		obj, err := scheme.New(gvk)
		if err != nil {
			return err
		}
		if ok, err := conversion.IsConvertible(scheme, obj); ok && err == nil {
			convertible[gvk.GroupKind()] = true
		}
	}
	for _, d := range crds {
		d.Spec.Conversion = nil
		if convertible[schema.GroupKind{Group: d.Spec.Group, Kind: d.Spec.Names.Kind}] {
			d.Spec.Conversion = &apiextensionsv1.CustomResourceConversion{Strategy: apiextensionsv1.WebhookConverter,
				Webhook: &apiextensionsv1.WebhookConversion{ConversionReviewVersions: []string{"v1", "v1beta1"},
					ClientConfig: &apiextensionsv1.WebhookClientConfig{URL: s.url("convert"), CABundle: s.ca}}}
		}
	}
	return nil
}

// installers is how many requests install definitions at once.
const installers = 4

// define creates the definitions and returns when all of their kinds are served. Then it creates the webhooks.
func (m *Management) define(ctx context.Context, c ManagementConfig) error {
	if err := m.webhooks.convert(c.Scheme, c.CRDs); err != nil {
		return err
	}
	own := runtime.NewScheme() // the caller's knows the providers' kinds and maybe no more
	if err := errors.Join(apiextensionsv1.AddToScheme(own), admissionv1.AddToScheme(own)); err != nil {
		return err
	}
	admin, err := client.New(m.Config, client.Options{Scheme: own})
	if err != nil {
		return err
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(installers)
	for _, d := range c.CRDs {
		g.Go(func() error { return create(gctx, admin, d) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if err := m.awaitServed(ctx, c.CRDs); err != nil {
		return err
	}
	for _, w := range c.Mutating {
		for i := range w.Webhooks {
			m.webhooks.serve(&w.Webhooks[i].ClientConfig)
		}
		if err := create(ctx, admin, w); err != nil {
			return err
		}
	}
	for _, w := range c.Validating {
		for i := range w.Webhooks {
			m.webhooks.serve(&w.Webhooks[i].ClientConfig)
		}
		if err := create(ctx, admin, w); err != nil {
			return err
		}
	}
	return nil
}

func create(ctx context.Context, c client.Client, o client.Object) error {
	if err := c.Create(ctx, o); err != nil {
		return fmt.Errorf("create %T %s: %w", o, o.GetName(), err)
	}
	return nil
}

// awaitServed returns when discovery names every version of every definition: then clients can use them.
func (m *Management) awaitServed(ctx context.Context, crds []*apiextensionsv1.CustomResourceDefinition) error {
	d, err := discovery.NewDiscoveryClientForConfig(m.Config)
	if err != nil {
		return err
	}
	wanted := map[string][]string{} // resources by group and version
	for _, crd := range crds {
		for _, v := range crd.Spec.Versions {
			if v.Served {
				gv := crd.Spec.Group + "/" + v.Name
				wanted[gv] = append(wanted[gv], crd.Spec.Names.Plural)
			}
		}
	}
	return m.Processes[0].WaitReady(ctx, func(ctx context.Context) error {
		for gv, names := range wanted {
			// Asked too early, an API server that starts says "in 5 s", and the client would sleep.
			l := &metav1.APIResourceList{}
			if err := d.RESTClient().Get().AbsPath("/apis", gv).MaxRetries(0).Do(ctx).Into(l); err != nil {
				return err
			}
			for _, n := range names {
				if !slices.ContainsFunc(l.APIResources, func(r metav1.APIResource) bool { return r.Name == n }) {
					return fmt.Errorf("%s of %s are not served", n, gv)
				}
			}
			delete(wanted, gv)
		}
		return nil
	})
}
