package fault

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var webhookUnavailable = Fault{
	ID:     "webhook-unavailable",
	Effect: "nobody listens where the admission webhooks of a provider should; conversion between versions goes on",
	Symptom: "every write of its kinds is refused, of controllers and people: \"failed calling webhook …: failed to call webhook: Post …: " +
		"connect: connection refused\"; the status of objects is still written",
	Recovery: "start the provider's Deployment again, or repair its Service and certificate; the controllers go on by themselves, at most 1000 s later",
	Heal:     "the webhooks answer again",
	Source:   "k8s.io/apiserver@v0.35.4 pkg/admission/plugin/webhook/errors; failurePolicy Fail in the providers' manifests",
	Args:     []Arg{{Name: "provider", Doc: "whose", Default: "infrastructure-vsphere", OneOf: controllers}},
	inject: func(ctx context.Context, s Site, a Args, hit func(string)) (laid, error) {
		c, err := administratorOf(s, "")
		if err != nil {
			return laid{}, err
		}
		open, err := readdress(ctx, c, a["provider"], nobody)
		if err != nil {
			return laid{}, err
		}
		if err := awaitAdmission(ctx, c, a["provider"], true); err != nil {
			return laid{}, err
		}
		hit("webhooks of " + a["provider"] + ": nobody listens")
		return laid{heal: func(ctx context.Context) error {
			if _, err := readdress(ctx, c, a["provider"], open); err != nil {
				return err
			}
			return awaitAdmission(ctx, c, a["provider"], false)
		}}, nil
	},
}

// hooked are, by provider, the API groups that its webhooks admit, and a kind by which they are tried.
var hooked = map[string]struct {
	groups []string
	kind   schema.GroupVersionKind
}{
	"bootstrap-kubeadm": {[]string{"bootstrap.cluster.x-k8s.io"}, schema.GroupVersionKind{Group: "bootstrap.cluster.x-k8s.io", Version: "v1beta2", Kind: "KubeadmConfig"}},
	"cluster-api": {[]string{"cluster.x-k8s.io", "addons.cluster.x-k8s.io", "ipam.cluster.x-k8s.io"},
		schema.GroupVersionKind{Group: "cluster.x-k8s.io", Version: "v1beta2", Kind: "Machine"}},
	"control-plane-kubeadm": {[]string{"controlplane.cluster.x-k8s.io"},
		schema.GroupVersionKind{Group: "controlplane.cluster.x-k8s.io", Version: "v1beta2", Kind: "KubeadmControlPlane"}},
	"infrastructure-vsphere": {[]string{"infrastructure.cluster.x-k8s.io"},
		schema.GroupVersionKind{Group: "infrastructure.cluster.x-k8s.io", Version: "v1beta2", Kind: "VSphereMachine"}},
}

// nobody is an address of this machine that nobody listens on, and no server gets by chance.
const nobody = "127.0.0.1:1"

// readdress points the webhooks of a provider to a host and port, returns the one from before, and is back when the API
// server goes by it.
func readdress(ctx context.Context, c client.Client, provider, host string) (before string, err error) {
	// A webhook is called "validation.vspheremachine.infrastructure.cluster.x-k8s.io".
	edit := func(name string, cc *admissionv1.WebhookClientConfig) {
		parts := strings.SplitN(name, ".", 3)
		if len(parts) < 3 || !slices.Contains(hooked[provider].groups, parts[2]) || cc.URL == nil {
			return
		}
		if u, err := url.Parse(*cc.URL); err == nil {
			before, u.Host = u.Host, host
			cc.URL = ptr.To(u.String())
		}
	}
	mutating, validating := &admissionv1.MutatingWebhookConfigurationList{}, &admissionv1.ValidatingWebhookConfigurationList{}
	if err := errors.Join(c.List(ctx, mutating), c.List(ctx, validating)); err != nil {
		return "", err
	}
	for i := range mutating.Items {
		w := &mutating.Items[i]
		for j := range w.Webhooks {
			edit(w.Webhooks[j].Name, &w.Webhooks[j].ClientConfig)
		}
		err = errors.Join(err, c.Update(ctx, w))
	}
	for i := range validating.Items {
		w := &validating.Items[i]
		for j := range w.Webhooks {
			edit(w.Webhooks[j].Name, &w.Webhooks[j].ClientConfig)
		}
		err = errors.Join(err, c.Update(ctx, w))
	}
	if err == nil && before == "" {
		err = fmt.Errorf("provider %s: it has no webhooks", provider)
	}
	return before, err
}

// tries bounds how often the webhooks are tried: the API server hears of a change in milliseconds.
const tries = 1000

// awaitAdmission returns when writes of the provider's kinds are refused, or are not any more.
func awaitAdmission(ctx context.Context, c client.Client, provider string, refused bool) error {
	l := &unstructured.UnstructuredList{}
	l.SetGroupVersionKind(hooked[provider].kind)
	if err := c.List(ctx, l); err != nil || len(l.Items) == 0 {
		return err
	}
	var err error
	for range tries {
		patch := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"annotations":{"rehearse.dev/admitted":"?"}}}`))
		err = c.Patch(ctx, l.Items[0].DeepCopy(), patch, client.DryRunAll)
		if got := err != nil && strings.Contains(err.Error(), "failed calling webhook"); got == refused || ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return fmt.Errorf("provider %s: after %d tries a write still got %v", provider, tries, err)
}
