package configpool

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// consumers are the kinds that refer to a template, with the place of the reference in the versions of the kind.
var consumers = []struct {
	kind  schema.GroupVersionKind
	paths [][]string
}{
	{schema.GroupVersionKind{Group: "controlplane.cluster.x-k8s.io", Version: "v1beta2", Kind: "KubeadmControlPlane"},
		[][]string{{"spec", "machineTemplate", "infrastructureRef"}, {"spec", "machineTemplate", "spec", "infrastructureRef"}}},
	{schema.GroupVersionKind{Group: "cluster.x-k8s.io", Version: "v1beta2", Kind: "MachineDeployment"},
		[][]string{{"spec", "template", "spec", "infrastructureRef"}}},
}

// templateOf is the VSphereMachineTemplate that a consumer refers to, and where; "" for none.
func templateOf(o *unstructured.Unstructured) (name string, at *field.Path) {
	for _, c := range consumers {
		if c.kind.Kind != o.GetKind() {
			continue
		}
		for _, path := range c.paths {
			ref, found, _ := unstructured.NestedMap(o.Object, path...)
			if found && ref["kind"] == "VSphereMachineTemplate" {
				return fmt.Sprint(ref["name"]), field.NewPath(path[0], path[1:]...)
			}
		}
	}
	return "", nil
}

// AdmitConsumer is called with every KubeadmControlPlane and MachineDeployment that is about to be stored with another
// spec. The error says why it is refused: its template or its pool is missing, or the pool is somebody else's.
func (p *Provider) AdmitConsumer(ctx context.Context, o *unstructured.Unstructured) error {
	name, at := templateOf(o)
	if name == "" {
		return nil
	}
	template, err := p.template(ctx, o.GetNamespace(), name)
	if err != nil {
		return err
	}
	if template == nil {
		return field.Invalid(at.Child("name"), name, "referenced VSphereMachineTemplate does not exist")
	}
	key := PoolOf(template)
	if key.Name == "" {
		return nil
	}
	pool := New()
	if err := p.Reader.Get(ctx, key, pool); apierrors.IsNotFound(err) {
		return field.Invalid(at.Child("name"), name, "referenced resource pool does not exist")
	} else if err != nil {
		return err
	}
	have, err := read(pool)
	if err != nil {
		return err
	}
	self := Consumer(o.GetKind(), o.GetNamespace(), o.GetName())
	if c := have.Status.ConsumerRef; c != nil && !sameConsumer(*c, self) {
		why := fmt.Sprintf("machine config pool %s is bound to %s %s/%s", key, c.Kind, c.Namespace, c.Name)
		p.Refused(key.Name, o.GetKind()+" "+o.GetName(), why)
		return field.Forbidden(at, why)
	}
	other, err := p.otherConsumer(ctx, key, self)
	if err != nil || other == "" {
		return err
	}
	return field.Forbidden(at, fmt.Sprintf("machine config pool %s is already referenced by %s", key, other))
}

// template is nil when there is none.
func (p *Provider) template(ctx context.Context, namespace, name string) (*unstructured.Unstructured, error) {
	t := &unstructured.Unstructured{}
	t.SetAPIVersion(GroupVersionKind().Group + "/" + machineVersion)
	t.SetKind("VSphereMachineTemplate")
	if err := p.Reader.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, t); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	return t, nil
}

// otherConsumer is who else refers to a pool through its template.
func (p *Provider) otherConsumer(ctx context.Context, pool types.NamespacedName, self corev1.ObjectReference) (string, error) {
	for _, c := range consumers {
		l := &unstructured.UnstructuredList{}
		l.SetGroupVersionKind(c.kind)
		if err := p.Reader.List(ctx, l, client.InNamespace(self.Namespace)); err != nil {
			return "", err
		}
		for i := range l.Items {
			o := &l.Items[i]
			name, _ := templateOf(o)
			if name == "" || o.GetKind() == self.Kind && o.GetName() == self.Name {
				continue
			}
			t, err := p.template(ctx, o.GetNamespace(), name)
			if err != nil {
				return "", err
			}
			if t != nil && PoolOf(t) == pool {
				return fmt.Sprintf("%s %s/%s", o.GetKind(), o.GetNamespace(), o.GetName()), nil
			}
		}
	}
	return "", nil
}
