package fault

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// This file is what a person with kubectl does to a site: faults that are human errors have no other lever.

// The kinds that people edit, in the version that the documents use.
var (
	clusterKind           = schema.GroupVersionKind{Group: "cluster.x-k8s.io", Version: "v1beta1", Kind: "Cluster"}
	machineKind           = schema.GroupVersionKind{Group: "cluster.x-k8s.io", Version: "v1beta1", Kind: "Machine"}
	machineDeploymentKind = schema.GroupVersionKind{Group: "cluster.x-k8s.io", Version: "v1beta1", Kind: "MachineDeployment"}
	controlPlaneKind      = schema.GroupVersionKind{Group: "controlplane.cluster.x-k8s.io", Version: "v1beta1", Kind: "KubeadmControlPlane"}
	vsphereMachineKind    = schema.GroupVersionKind{Group: "infrastructure.cluster.x-k8s.io", Version: "v1beta1", Kind: "VSphereMachine"}
	vsphereTemplateKind   = schema.GroupVersionKind{Group: "infrastructure.cluster.x-k8s.io", Version: "v1beta1", Kind: "VSphereMachineTemplate"}
)

const clusterLabel, controlPlaneLabel = "cluster.x-k8s.io/cluster-name", "cluster.x-k8s.io/control-plane"

// administrator is a person at the API of a workload cluster, or of the management cluster for "".
type administrator struct {
	client.Client
	began time.Time // see byAge
}

func administratorOf(s Site, cluster string) (administrator, error) {
	cfg, err := s.Administrator(cluster)
	if err != nil {
		return administrator{}, err
	}
	c, err := client.New(cfg, client.Options{})
	return administrator{c, s.Began()}, err
}

// object of a kind, by namespace and name.
func (a administrator) object(ctx context.Context, k schema.GroupVersionKind, namespace, name string) (*unstructured.Unstructured, error) {
	o := &unstructured.Unstructured{}
	o.SetGroupVersionKind(k)
	if err := a.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, o); err != nil {
		return nil, fmt.Errorf("%s %s: %w", k.Kind, name, err)
	}
	return o, nil
}

// ofCluster lists the objects of a kind that carry the cluster's label, by age.
func (a administrator) ofCluster(ctx context.Context, k schema.GroupVersionKind, cluster string) ([]unstructured.Unstructured, error) {
	l := &unstructured.UnstructuredList{}
	l.SetGroupVersionKind(k.GroupVersion().WithKind(k.Kind + "List"))
	if err := a.List(ctx, l, client.MatchingLabels{clusterLabel: cluster}); err != nil {
		return nil, fmt.Errorf("list %ss: %w", k.Kind, err)
	}
	slices.SortFunc(l.Items, byAge(a.began))
	return l.Items, nil
}

// byAge orders objects by their creation, and by name those that were there when the site began. Names of machines that
// are made during a run are not the same in each run of a seed, so that the order of names would give the draw of a target
// to chance. Of what was there before the names are the seed's, and the second in which it was written is chance.
func byAge(began time.Time) func(x, y unstructured.Unstructured) int {
	age := func(o unstructured.Unstructured) time.Time {
		if t := o.GetCreationTimestamp().Time; t.After(began) {
			return t
		}
		return began
	}
	return func(x, y unstructured.Unstructured) int {
		return cmp.Or(age(x).Compare(age(y)), cmp.Compare(x.GetName(), y.GetName()))
	}
}

// controlPlane is the KubeadmControlPlane of a cluster.
func (a administrator) controlPlane(ctx context.Context, cluster string) (*unstructured.Unstructured, error) {
	o, err := findCluster(ctx, a, cluster)
	if err != nil {
		return nil, err
	}
	return a.object(ctx, controlPlaneKind, o.GetNamespace(), str(o, "spec", "controlPlaneRef", "name"))
}

// set writes one field of an object, nil: removes it. Its error may be a denial.
func (a administrator) set(ctx context.Context, o *unstructured.Unstructured, value any, path ...string) error {
	for i := range slices.Backward(path) {
		value = map[string]any{path[i]: value}
	}
	b, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return a.Patch(ctx, o, client.RawPatch(types.MergePatchType, b))
}

// exchange writes one field and returns what puts the old value back, unless the object is gone by then or somebody has
// written another value meanwhile.
func (a administrator) exchange(ctx context.Context, o *unstructured.Unstructured, value any, path ...string) (back func(context.Context) error, err error) {
	before, _, err := unstructured.NestedFieldCopy(o.Object, path...)
	if err != nil {
		return nil, err
	}
	if err := a.set(ctx, o, value, path...); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		now, err := a.object(ctx, o.GroupVersionKind(), o.GetNamespace(), o.GetName())
		if err != nil {
			return client.IgnoreNotFound(errors.Unwrap(err))
		}
		if v, _, _ := unstructured.NestedFieldNoCopy(now.Object, path...); !same(v, value) {
			return nil
		}
		return a.set(ctx, now, before, path...)
	}, nil
}

func same(x, y any) bool {
	a, errA := json.Marshal(x)
	b, errB := json.Marshal(y)
	return errA == nil && errB == nil && string(a) == string(b)
}

// denial is what a webhook or a schema has against a write, in its own words; "" when the error is none of theirs.
func denial(err error) string {
	status := apierrors.APIStatus(nil)
	if !errors.As(err, &status) || !apierrors.IsInvalid(err) && !apierrors.IsForbidden(err) && !apierrors.IsBadRequest(err) {
		return ""
	}
	s := status.Status()
	if s.Details == nil || len(s.Details.Causes) == 0 {
		return s.Message
	}
	var l []string
	for _, c := range s.Details.Causes {
		l = append(l, c.Field+": "+withoutObject(c.Message))
	}
	return strings.Join(l, "; ")
}

// withoutObject leaves a whole object out of "Invalid value: {…}: why": nobody reads it, and with its times and its
// managed fields it is another one in each twin.
func withoutObject(m string) string {
	before, rest, found := strings.Cut(m, "{")
	end := strings.LastIndex(rest, "}: ")
	if !found || end < 0 {
		return m
	}
	return before + "{…" + rest[end:]
}

func str(o *unstructured.Unstructured, path ...string) string {
	s, _, _ := unstructured.NestedString(o.Object, path...)
	return s
}

// clean is an object as a person would write it to a file and apply it again.
func clean(o *unstructured.Unstructured) *unstructured.Unstructured {
	n := &unstructured.Unstructured{Object: runtime.DeepCopyJSON(o.Object)}
	for _, f := range []string{"resourceVersion", "uid", "generation", "creationTimestamp", "deletionTimestamp", "managedFields", "ownerReferences", "finalizers"} {
		unstructured.RemoveNestedField(n.Object, "metadata", f)
	}
	unstructured.RemoveNestedField(n.Object, "status")
	return n
}

// nothing is the heal of what cannot be taken back, or has done no harm.
func nothing(context.Context) error { return nil }
