package fault

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// This file is what the faults of machine config pools share: whose pool it is, and how an administrator changes it.

// ownerArg says whose pool.
var ownerArg = Arg{Name: "role", Doc: "whose pool: control-plane, or a MachineDeployment", Default: "control-plane", Kind: RoleName}

// owner is a KubeadmControlPlane or MachineDeployment with the pool that its template refers to.
type owner struct {
	c    client.Client
	obj  *unstructured.Unstructured
	pool *unstructured.Unstructured
}

// ownerOf finds the owner that the arguments name.
func ownerOf(ctx context.Context, s Site, a Args) (*owner, error) {
	cluster, err := clusterOf(s, a)
	if err != nil {
		return nil, err
	}
	cfg, err := s.Administrator("")
	if err != nil {
		return nil, err
	}
	o := &owner{}
	if o.c, err = client.New(cfg, client.Options{}); err != nil {
		return nil, err
	}
	kind, path := schema.GroupVersionKind{Group: "cluster.x-k8s.io", Version: "v1beta1", Kind: "MachineDeployment"}, []string{"spec", "template", "spec", "infrastructureRef", "name"}
	if a["role"] == "control-plane" {
		kind = schema.GroupVersionKind{Group: "controlplane.cluster.x-k8s.io", Version: "v1beta1", Kind: "KubeadmControlPlane"}
		path = []string{"spec", "machineTemplate", "infrastructureRef", "name"}
	}
	if o.obj, err = o.find(ctx, kind, cluster, a["role"]); err != nil {
		return nil, err
	}
	name, _, _ := unstructured.NestedString(o.obj.Object, path...)
	template, err := o.get(ctx, "VSphereMachineTemplate", name)
	if err != nil {
		return nil, err
	}
	name, _, _ = unstructured.NestedString(template.Object, "spec", "template", "spec", "machineConfigPoolRef", "name")
	if name == "" {
		return nil, fmt.Errorf("%s %s: got no machine config pool, want a cluster that uses them", kind.Kind, o.obj.GetName())
	}
	o.pool, err = o.get(ctx, "VSphereMachineConfigPool", name)
	return o, err
}

func (o *owner) find(ctx context.Context, kind schema.GroupVersionKind, cluster, role string) (*unstructured.Unstructured, error) {
	l := &unstructured.UnstructuredList{}
	l.SetGroupVersionKind(kind)
	if err := o.c.List(ctx, l); err != nil {
		return nil, err
	}
	for i := range l.Items {
		x := &l.Items[i]
		of, _, _ := unstructured.NestedString(x.Object, "spec", "clusterName")
		if kind.Kind == "MachineDeployment" && of == cluster && x.GetName() == role || kind.Kind == "KubeadmControlPlane" && x.GetLabels()["cluster.x-k8s.io/cluster-name"] == cluster {
			return x, nil
		}
	}
	return nil, fmt.Errorf("cluster %s: got no %s for role %s", cluster, kind.Kind, role)
}

func (o *owner) get(ctx context.Context, kind, name string) (*unstructured.Unstructured, error) {
	x := &unstructured.Unstructured{}
	x.SetGroupVersionKind(schema.GroupVersionKind{Group: "infrastructure.cluster.x-k8s.io", Version: "v1beta1", Kind: kind})
	return x, o.c.Get(ctx, client.ObjectKey{Namespace: o.obj.GetNamespace(), Name: name}, x)
}

// change edits the pool, or its status, and tries again when the provider was faster.
func (o *owner) change(ctx context.Context, status bool, edit func(map[string]any) error) error {
	for {
		pool, err := o.get(ctx, "VSphereMachineConfigPool", o.pool.GetName())
		if err != nil {
			return err
		}
		if err := edit(pool.Object); err != nil {
			return err
		}
		if status {
			err = o.c.Status().Update(ctx, pool)
		} else {
			err = o.c.Update(ctx, pool)
		}
		if !apierrors.IsConflict(err) {
			return err
		}
	}
}

// refusals are laid in wait: hit is told of the machines, or edits of the owner, that the pool refuses.
func refusals(s Site, pool string, hit func(string)) (stop func()) {
	return s.OnNoSlot(func(of, who, why string) {
		if of == pool {
			hit(fmt.Sprintf("%s: %s", who, why))
		}
	})
}

// slotsOf are the entries of a list of the pool.
func slotsOf(pool map[string]any, path ...string) []map[string]any {
	l, _, _ := unstructured.NestedSlice(pool, path...)
	var slots []map[string]any
	for _, x := range l {
		if x, ok := x.(map[string]any); ok {
			slots = append(slots, x)
		}
	}
	return slots
}

// freeSlot is a slot that no machine has or had, "" for none.
func freeSlot(pool map[string]any) string {
	states := slotsOf(pool, "status", "configStatuses")
	for _, s := range slotsOf(pool, "spec", "configs") {
		taken := slices.ContainsFunc(states, func(x map[string]any) bool { return x["hostname"] == s["hostname"] && x["state"] != "Available" })
		if !taken {
			return fmt.Sprint(s["hostname"])
		}
	}
	return ""
}
