package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rehearse-dev/rehearse/fakes/kubeovn"
)

// applier writes manifests as a person with kubectl apply would, and turns the API server's warnings about unknown
// fields into warnings that name the file.
type applier struct {
	c client.Client

	mu       sync.Mutex
	warnings []string
}

type manifestKey struct{}

func newApplier(cfg *rest.Config) (*applier, error) {
	a := &applier{}
	cfg = rest.CopyConfig(cfg)
	cfg.WarningHandlerWithContext = a
	var err error
	a.c, err = client.New(cfg, client.Options{})
	return a, err
}

// HandleWarningHeaderWithContext implements rest.WarningHandlerWithContext.
func (a *applier) HandleWarningHeaderWithContext(ctx context.Context, code int, _, text string) {
	m, ok := ctx.Value(manifestKey{}).(Manifest)
	if field, unknown := strings.CutPrefix(text, "unknown field "); ok && code == 299 && unknown {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.warnings = append(a.warnings, fmt.Sprintf("%s: %s: field %s is not modelled and was dropped", m.Where(), m, field))
	}
}

// lastApplied is what kubectl apply leaves on every object; templates that are copied must not carry it on.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// create writes one manifest. An object that is there already is left as it is, for Namespaces only.
func (a *applier) create(ctx context.Context, m Manifest) error {
	o := m.Object.DeepCopy()
	if o.GetKind() != "Secret" && o.GetKind() != "Namespace" {
		b, err := json.Marshal(m.Object.Object)
		if err != nil {
			return &InputError{m.Where(), err}
		}
		an := o.GetAnnotations()
		if an == nil {
			an = map[string]string{}
		}
		an[lastApplied] = string(b) + "\n"
		o.SetAnnotations(an)
	}
	err := a.c.Create(context.WithValue(ctx, manifestKey{}, m), o, client.FieldValidation("Warn"), client.FieldOwner("kubectl-client-side-apply"))
	switch {
	case err == nil && slices.Contains(disowned, o.GetKind()):
		return a.disown(ctx, m, o)
	case err == nil, apierrors.IsAlreadyExists(err) && o.GetKind() == "Namespace":
		return nil
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err), apierrors.IsForbidden(err), apierrors.IsAlreadyExists(err):
		return &InputError{m.Where(), err} // the API server refused what the user gave
	default:
		return fmt.Errorf("%s: %w", m.Where(), err)
	}
}

// registryAnnotation names the registry that Kube-OVN is delivered from.
const registryAnnotation = kubeovn.RegistryAnnotation

// disowned are the kinds of manifests that controllers write all the time.
var disowned = []string{"Cluster", "KubeadmControlPlane", "MachineDeployment", "VSphereCluster"}

// disown clears an object's managedFields. They are of the version in which the manifest is written, v1beta1, and the API
// server would convert the object to that version, through the webhook, whenever a controller writes it in its own: most
// of all conversions are these. Who uses server-side apply on the object later meets its fields as those of
// "before-first-apply", and conflicts as with those of kubectl.
func (a *applier) disown(ctx context.Context, m Manifest, o *unstructured.Unstructured) error {
	patch := []byte(`[{"op":"replace","path":"/metadata/managedFields","value":[{}]}]`)
	if err := a.c.Patch(ctx, o, client.RawPatch(types.JSONPatchType, patch)); err != nil {
		return fmt.Errorf("%s: managedFields: %w", m.Where(), err)
	}
	return nil
}
