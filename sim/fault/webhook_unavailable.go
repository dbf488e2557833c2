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
	ID: "webhook-unavailable",
	Effect: "nobody listens where the admission webhooks of a provider should; the vSphere provider, which is the vendor's, also admits " +
		"KubeadmControlPlanes and MachineDeployments. Conversion between versions goes on",
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

// hooked are, by provider, the API groups that its webhooks are named after, and writes by which they are tried: one for
// each configuration, since the API server hears of them one by one.
var hooked = map[string]struct {
	groups []string
	trials []trial
}{
	"bootstrap-kubeadm": {[]string{"bootstrap.cluster.x-k8s.io"}, []trial{{kindOf("bootstrap.cluster.x-k8s.io", "KubeadmConfig"), annotate}}},
	"cluster-api": {[]string{"cluster.x-k8s.io", "addons.cluster.x-k8s.io", "ipam.cluster.x-k8s.io"},
		[]trial{{kindOf("cluster.x-k8s.io", "Machine"), annotate}}},
	"control-plane-kubeadm": {[]string{"controlplane.cluster.x-k8s.io"},
		[]trial{{kindOf("controlplane.cluster.x-k8s.io", "KubeadmControlPlane"), annotate}}},
	// The twin's own webhooks of this name stand for those that the vendor's provider has and upstream's has not.
	"infrastructure-vsphere": {[]string{"infrastructure.cluster.x-k8s.io", "twin.rehearse.dev"},
		[]trial{{kindOf("infrastructure.cluster.x-k8s.io", "VSphereMachine"), annotate}, {kindOf("cluster.x-k8s.io", "MachineDeployment"), respecify}}},
}

// trial is a write that is never stored.
type trial struct {
	kind  schema.GroupVersionKind
	patch string
}

// annotate changes what every webhook is asked about, respecify the specification that those of the vendor look at.
const (
	annotate  = `{"metadata":{"annotations":{"rehearse.dev/admitted":"?"}}}`
	respecify = `{"spec":{"template":` + annotate + `}}`
)

func kindOf(group, kind string) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: group, Version: "v1beta2", Kind: kind}
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

// awaitAdmission returns when writes that pass the provider's webhooks are refused, or are not any more.
func awaitAdmission(ctx context.Context, c client.Client, provider string, refused bool) error {
	for _, x := range hooked[provider].trials {
		if err := x.await(ctx, c, provider, refused); err != nil {
			return fmt.Errorf("provider %s: %s: %w", provider, x.kind.Kind, err)
		}
	}
	return nil
}

func (x trial) await(ctx context.Context, c client.Client, provider string, refused bool) error {
	l := &unstructured.UnstructuredList{}
	l.SetGroupVersionKind(x.kind)
	if err := c.List(ctx, l); err != nil || len(l.Items) == 0 {
		return err
	}
	var err error
	for range tries {
		err = c.Patch(ctx, l.Items[0].DeepCopy(), client.RawPatch(types.MergePatchType, []byte(x.patch)), client.DryRunAll)
		got := err != nil && strings.Contains(err.Error(), "failed calling webhook") && (refused || namesOne(err, hooked[provider].groups))
		if got == refused || ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return fmt.Errorf("after %d tries a write still got %v", tries, err)
}

// namesOne tells whether an error is about a webhook of these groups, and not of another provider that is gone as well.
func namesOne(err error, groups []string) bool {
	return slices.ContainsFunc(groups, func(g string) bool { return strings.Contains(err.Error(), "."+g+`"`) })
}
