package kube

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// uncached are the kinds that controllers read from the API server.
func uncached() *client.CacheOptions {
	return &client.CacheOptions{DisableFor: []client.Object{&corev1.ConfigMap{}, &corev1.Secret{}}, Unstructured: true}
}

// VSphereProvider is the name of the vSphere provider's controller manager, of which the vendor's own controllers are a
// part too.
const VSphereProvider = "infrastructure-vsphere"

// provider is what the controllers of one controller manager speak to the management API with, over a line of their own.
type provider struct {
	client.Client
	api     client.Reader // no cache
	secrets client.Client // all of them cached
}

func (k *Controllers) provider(name string) (p provider, err error) {
	mgr, cfg := k.Manager, rest.CopyConfig(k.Manager.GetConfig())
	cfg.WrapTransport = k.line.Wrap(name)
	o := client.Options{Scheme: mgr.GetScheme(), Mapper: mgr.GetRESTMapper()}
	if p.api, err = client.New(cfg, o); err != nil {
		return p, err
	}
	o.Cache = &client.CacheOptions{Reader: mgr.GetCache()}
	if p.secrets, err = client.New(cfg, o); err != nil {
		return p, err
	}
	if name == VSphereProvider {
		o.Cache = &client.CacheOptions{Reader: vsphereReader{mgr.GetCache(), k.everySecret}}
	} else {
		o.Cache = uncached()
		o.Cache.Reader = mgr.GetCache()
	}
	p.Client, err = k.clock.Barrier().NewClient(cfg, o)
	return p, err
}

// vsphereReader is what the vSphere provider reads from: its manager, unlike those of Cluster API, has a cache of all
// Secrets and ConfigMaps too, whatever their labels
// (sigs.k8s.io/cluster-api-provider-vsphere@v1.16.1 main.go, managerOpts.Client).
type vsphereReader struct {
	client.Reader
	secrets client.Reader
}

func (r vsphereReader) of(o any) client.Reader {
	switch o.(type) {
	case *corev1.Secret, *corev1.SecretList, *corev1.ConfigMap, *corev1.ConfigMapList:
		return r.secrets
	}
	return r.Reader
}

func (r vsphereReader) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	return r.of(o).Get(ctx, key, o, opts...)
}

func (r vsphereReader) List(ctx context.Context, l client.ObjectList, opts ...client.ListOption) error {
	return r.of(l).List(ctx, l, opts...)
}
