// Package manifests holds the custom resource definitions and webhook configurations of the providers, embedded in the
// binary. They come from the pinned modules: cmd/internal/genmanifests writes them into the folder "generated" at build
// time, and nothing of them is committed.
//
// The functions to know are CRDs and Webhooks. The package imports nothing of this module.
package manifests

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/utils/ptr"
)

//go:embed all:generated
var generated embed.FS

// Mend is the command that puts missing manifests into the binary.
const Mend = "make build"

// ErrMissing means that the binary was built without manifests.
var ErrMissing = errors.New("this binary was built without the providers' manifests; to build it with them: " + Mend)

// webhookTimeout is the most that the API server accepts: under load a webhook of a busy process may be late.
const webhookTimeout = 30

// CRDs returns the definitions with the contract labels that upstream's kustomization adds; without them no reference
// is resolved (sigs.k8s.io/cluster-api@v1.13.4 internal/contract/version.go). The caller owns them.
func CRDs() ([]*apiextensionsv1.CustomResourceDefinition, error) {
	var l []*apiextensionsv1.CustomResourceDefinition
	err := each("crds", func(_ string, b []byte) error {
		c := &apiextensionsv1.CustomResourceDefinition{}
		if err := json.Unmarshal(b, c); err != nil {
			return err
		}
		if c.Labels == nil {
			c.Labels = map[string]string{}
		}
		for _, contract := range []string{"v1beta1", "v1beta2"} {
			c.Labels["cluster.x-k8s.io/"+contract] = contract
		}
		l = append(l, c)
		return nil
	})
	return l, err
}

// Webhooks returns the providers' configurations. All of them have the same name upstream, so each gets its provider's.
func Webhooks() (mutating []*admissionv1.MutatingWebhookConfiguration, validating []*admissionv1.ValidatingWebhookConfiguration, err error) {
	err = each("webhooks", func(file string, b []byte) error {
		provider, _, _ := strings.Cut(path.Base(file), ".")
		switch kind := kindOf(b); kind {
		case "MutatingWebhookConfiguration":
			w := &admissionv1.MutatingWebhookConfiguration{}
			if err := json.Unmarshal(b, w); err != nil {
				return err
			}
			w.Name += "-" + provider
			for i := range w.Webhooks {
				w.Webhooks[i].TimeoutSeconds = ptr.To[int32](webhookTimeout)
			}
			mutating = append(mutating, w)
		case "ValidatingWebhookConfiguration":
			w := &admissionv1.ValidatingWebhookConfiguration{}
			if err := json.Unmarshal(b, w); err != nil {
				return err
			}
			w.Name += "-" + provider
			for i := range w.Webhooks {
				w.Webhooks[i].TimeoutSeconds = ptr.To[int32](webhookTimeout)
			}
			validating = append(validating, w)
		default:
			return fmt.Errorf("kind: got %q, want a webhook configuration", kind)
		}
		return nil
	})
	return mutating, validating, err
}

func kindOf(b []byte) string {
	var o struct{ Kind string }
	_ = json.Unmarshal(b, &o)
	return o.Kind
}

// each calls do for the files of a folder, in the order of their names.
func each(folder string, do func(file string, b []byte) error) error {
	files, err := fs.Glob(generated, "generated/"+folder+"/*.json")
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return ErrMissing
	}
	for _, f := range files {
		b, err := generated.ReadFile(f)
		if err != nil {
			return err
		}
		if err := do(f, b); err != nil {
			return fmt.Errorf("%s: %w", f, err)
		}
	}
	return nil
}
