package sim

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"

	"k8s.io/client-go/rest"

	"github.com/rehearse-dev/rehearse/fakes/vcenter"
	"github.com/rehearse-dev/rehearse/sim/fault"
)

// This file is what faults may do to a twin.

var _ fault.Site = &Twin{}

// HideTemplate implements fault.Templates.
func (t *Twin) HideTemplate(_ context.Context, name string) (func(context.Context) error, error) {
	i := slices.IndexFunc(t.plan.World.Templates, func(x Template) bool { return x.Name == name })
	if i < 0 || !t.vcenter.HasTemplate(name) {
		return nil, fmt.Errorf("VM template %q: not in vCenter", name)
	}
	if err := t.vcenter.RemoveTemplate(name); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		return t.vcenter.AddTemplate(ctx, vcenter.Template{Name: name, Kubernetes: t.plan.World.Templates[i].Kubernetes})
	}, nil
}

// UnusedTemplates implements fault.Templates.
func (t *Twin) UnusedTemplates(context.Context) ([]string, error) {
	used := map[string]bool{}
	for _, c := range t.plan.clusters {
		for _, m := range c.manifests {
			if m.Object.GetKind() == "VSphereMachineTemplate" {
				used[m.str("spec", "template", "spec", "template")] = true
			}
		}
	}
	var l []string
	for _, x := range t.plan.World.Templates {
		if !used[x.Name] {
			l = append(l, x.Name)
		}
	}
	slices.Sort(l)
	return l, nil
}

// EtcdMembers implements fault.Etcd.
func (t *Twin) EtcdMembers(cluster string) ([]string, error) {
	w, err := t.workload(cluster)
	if err != nil {
		return nil, err
	}
	var l []string
	for _, m := range w.etcd.Members() {
		if m.Up {
			l = append(l, m.Name)
		}
	}
	slices.Sort(l)
	return l, nil
}

// StopEtcd implements fault.Etcd: the kubelet reports the container, and the member is gone.
func (t *Twin) StopEtcd(ctx context.Context, cluster, member string) (func(context.Context) error, error) {
	w, err := t.workload(cluster)
	if err != nil {
		return nil, err
	}
	if err := w.crashEtcd(ctx, member); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error { return w.reviveEtcd(ctx, member) }, nil
}

// FailJoins implements fault.Guests.
func (t *Twin) FailJoins(cluster, reason string) (failed func() []string, heal func()) {
	w, err := t.workload(cluster)
	if err != nil {
		return func() []string { return nil }, func() {}
	}
	w.joins.set(reason)
	return w.joins.hits, func() { w.joins.set("") }
}

// FailAppRelease implements fault.AppReleases.
func (t *Twin) FailAppRelease(cluster, phase, message string) (func(), error) {
	w, err := t.workload(cluster)
	if err != nil {
		return nil, err
	}
	return w.failAppRelease(phase, message)
}

// Administrator implements fault.Clusters.
func (t *Twin) Administrator(cluster string) (*rest.Config, error) {
	if cluster == "" {
		return t.Management(), nil
	}
	w, err := t.workload(cluster)
	if err != nil {
		return nil, err
	}
	return rest.CopyConfig(w.plane.Admin), nil
}

// Draw implements fault.Clusters.
func (t *Twin) Draw(name string, n int) int {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d/%s", t.plan.Seed, name)
	return int(h.Sum64() % uint64(n))
}
