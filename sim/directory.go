package sim

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"sigs.k8s.io/cluster-api/util/secret"
)

// directory is to the twin what DNS and routing are to a site: it knows which of the twin's servers stands for an
// address. The twin's controllers are the real ones and dial what an object says, so an object gets the address of the
// twin's server before it is stored, and one that would lead anywhere else is refused. Nothing real is ever dialled.
type directory struct {
	vcenters  []string                 // how the world's manifests call vCenter
	vcenter   string                   // host:port of the twin's
	registry  string                   // host:port of the twin's
	endpoints map[string]directoryAddr // control planes, by name of Cluster and of VSphereCluster: "Kind namespace/name"
}

type directoryAddr struct {
	host string
	port int64
}

// newDirectory knows the servers of a twin, which must have been started.
func (t *Twin) newDirectory() *directory {
	d := &directory{vcenters: t.plan.vcenters(), vcenter: t.vcenter.Host(), registry: t.registry.URL().Host, endpoints: map[string]directoryAddr{}}
	for _, w := range t.workloads {
		host, port := w.address()
		for _, m := range []Manifest{w.plan.cluster, w.plan.infra} {
			d.endpoints[endpointKey(m.Object)] = directoryAddr{host, int64(port)}
		}
	}
	return d
}

func endpointKey(o *unstructured.Unstructured) string {
	return o.GetKind() + " " + o.GetNamespace() + "/" + o.GetName()
}

// vcenters are the names of vCenter in the manifests.
func (p *Plan) vcenters() []string {
	var l []string
	for _, c := range p.clusters {
		for _, m := range c.manifests {
			for _, spec := range vcenterSpecs[m.Object.GetKind()] {
				if s := m.str(append(slices.Clone(spec), "server")...); s != "" && !slices.Contains(l, s) {
					l = append(l, s)
				}
			}
		}
	}
	return l
}

// vcenterSpecs are the kinds of CAPV that name a vCenter, with the places of their "server" and "thumbprint"
// (sigs.k8s.io/cluster-api-provider-vsphere@v1.16.1 api/govmomi).
var vcenterSpecs = map[string][][]string{
	"VSphereCluster":         {{"spec"}},
	"VSphereClusterTemplate": {{"spec", "template", "spec"}},
	"VSphereDeploymentZone":  {{"spec"}},
	"VSphereMachine":         {{"spec"}},
	"VSphereMachineTemplate": {{"spec", "template", "spec"}},
	"VSphereVM":              {{"spec"}},
}

// redirect points the addresses in an object at the twin's servers. Everything else stays as it is. The error says
// which address nobody here answers at.
func (d *directory) redirect(o *unstructured.Unstructured) error {
	kind := o.GetKind()
	for _, spec := range vcenterSpecs[kind] {
		if err := d.toVCenter(o, spec); err != nil {
			return err
		}
	}
	switch kind {
	case "Cluster":
		if err := setIfThere(o, d.registry, "metadata", "annotations", registryAnnotation); err != nil {
			return err
		}
		return d.toEndpoint(o)
	case "VSphereCluster":
		return d.toEndpoint(o)
	case "Secret":
		return d.checkKubeconfig(o)
	}
	return nil
}

func (d *directory) toVCenter(o *unstructured.Unstructured, spec []string) error {
	at := func(name string) []string { return append(slices.Clone(spec), name) }
	got, _, err := unstructured.NestedString(o.Object, at("server")...)
	if err != nil {
		return err
	}
	if got != "" && got != d.vcenter && !slices.Contains(d.vcenters, got) {
		return fmt.Errorf("%s: got vCenter %q, want one that the world's manifests name: %s; the twin dials no other",
			strings.Join(at("server"), "."), got, strings.Join(d.vcenters, ", "))
	}
	if got != "" {
		if err := setIfThere(o, d.vcenter, at("server")...); err != nil {
			return err
		}
	}
	return setIfThere(o, "", at("thumbprint")...)
}

// redirected is a manifest with the addresses of this twin. The manifest itself stays as the user wrote it: a plan may
// start several twins, one after the other.
func (d *directory) redirected(m Manifest) (Manifest, error) {
	m.Object = m.Object.DeepCopy()
	if err := d.redirect(m.Object); err != nil {
		return m, &InputError{m.Where(), err}
	}
	return m, nil
}

// toEndpoint gives the clusters of the world their control planes. An object without an endpoint is none of its business.
func (d *directory) toEndpoint(o *unstructured.Unstructured) error {
	got, _, err := unstructured.NestedString(o.Object, "spec", "controlPlaneEndpoint", "host")
	if err != nil || got == "" {
		return err
	}
	a, ok := d.endpoints[endpointKey(o)]
	if !ok {
		return fmt.Errorf("spec.controlPlaneEndpoint.host: got %q of a cluster that is not in the world; the twin dials no other: put its manifests into the world", got)
	}
	return errors.Join(setIfThere(o, a.host, "spec", "controlPlaneEndpoint", "host"), setIfThere(o, a.port, "spec", "controlPlaneEndpoint", "port"))
}

// checkKubeconfig refuses a kubeconfig that would lead Cluster API out of the twin.
func (d *directory) checkKubeconfig(o *unstructured.Unstructured) error {
	c, err := kubeconfigOf(o)
	if err != nil {
		return err
	}
	for name, cluster := range c.Clusters {
		if u, err := url.Parse(cluster.Server); err != nil || u.Hostname() != "127.0.0.1" {
			return fmt.Errorf("kubeconfig: cluster %s: got server %q, want one of the twin; it dials no other", name, cluster.Server)
		}
	}
	return nil
}

// kubeconfigOf reads the kubeconfig of a Secret that Cluster API would look for one in; other Secrets have none.
func kubeconfigOf(o *unstructured.Unstructured) (*clientcmdapi.Config, error) {
	if o.GetKind() != "Secret" || !strings.HasSuffix(o.GetName(), "-"+string(secret.Kubeconfig)) {
		return &clientcmdapi.Config{}, nil
	}
	m := Manifest{Object: o}
	text := m.secret(secret.KubeconfigDataName)
	if text == "" {
		return nil, fmt.Errorf("kubeconfig: got none under the key %s that is text", secret.KubeconfigDataName)
	}
	c, err := clientcmd.Load([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	return c, nil
}

// setIfThere sets a field that the object has.
func setIfThere(o *unstructured.Unstructured, v any, path ...string) error {
	if _, found, _ := unstructured.NestedFieldNoCopy(o.Object, path...); !found {
		return nil
	}
	return unstructured.SetNestedField(o.Object, v, path...)
}

// directoryPath is where the webhook server answers for the directory.
const directoryPath = "twin-directory"

// admit is the directory as an admission webhook: for what is written after the boot, by whomever.
func (d *directory) admit(_ context.Context, r admission.Request) admission.Response {
	o := &unstructured.Unstructured{}
	if err := o.UnmarshalJSON(r.Object.Raw); err != nil {
		return admission.Errored(http.StatusBadRequest, err)
	}
	if err := d.redirect(o); err != nil {
		return admission.Denied(err.Error())
	}
	b, err := o.MarshalJSON()
	if err != nil {
		return admission.Errored(http.StatusInternalServerError, err)
	}
	return admission.PatchResponseFromRaw(r.Object.Raw, b)
}

// directoryWebhook asks admit about every object that has an address to dial, when it is new or its spec has changed.
func directoryWebhook() *admissionv1.MutatingWebhookConfiguration {
	rule := func(group string, resources ...string) []admissionv1.RuleWithOperations {
		return []admissionv1.RuleWithOperations{{Operations: []admissionv1.OperationType{admissionv1.Create, admissionv1.Update},
			Rule: admissionv1.Rule{APIGroups: []string{group}, APIVersions: []string{"*"}, Resources: resources}}}
	}
	hook := func(name, condition string, rules []admissionv1.RuleWithOperations) admissionv1.MutatingWebhook {
		return admissionv1.MutatingWebhook{Name: name + ".twin.rehearse.dev", Rules: rules, AdmissionReviewVersions: []string{"v1"},
			SideEffects: ptr.To(admissionv1.SideEffectClassNone), FailurePolicy: ptr.To(admissionv1.Fail), TimeoutSeconds: ptr.To[int32](30),
			MatchConditions: []admissionv1.MatchCondition{{Name: "may-have-an-address", Expression: condition}},
			// A Service, as the providers' manifests have it: the installer puts our own address in its place.
			ClientConfig: admissionv1.WebhookClientConfig{Service: &admissionv1.ServiceReference{Path: ptr.To(directoryPath)}}}
	}
	const respecified = "oldObject == null || !has(object.spec) || !has(oldObject.spec) || object.spec != oldObject.spec"
	return &admissionv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "twin-directory"}, Webhooks: []admissionv1.MutatingWebhook{
		hook("clusters", respecified, rule("cluster.x-k8s.io", "clusters")),
		hook("vsphere", respecified, rule("infrastructure.cluster.x-k8s.io", "vsphereclusters", "vsphereclustertemplates", "vspheredeploymentzones",
			"vspheremachines", "vspheremachinetemplates", "vspherevms")),
		hook("kubeconfigs", "object.metadata.name.endsWith('-kubeconfig')", rule("", "secrets")),
	}}
}
