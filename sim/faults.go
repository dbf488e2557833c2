package sim

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"k8s.io/client-go/rest"

	"github.com/rehearse-dev/rehearse/fakes/etcd"
	"github.com/rehearse-dev/rehearse/fakes/kubeovn"
	"github.com/rehearse-dev/rehearse/fakes/vcenter"
	"github.com/rehearse-dev/rehearse/sim/fault"
	"github.com/rehearse-dev/rehearse/sim/kube"
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
		if t.vcenter.HasTemplate(name) {
			return nil // somebody uploaded it
		}
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

// EtcdVoters implements fault.Etcd.
func (t *Twin) EtcdVoters(cluster string) (up []string, voters int, err error) {
	w, err := t.begun(cluster)
	if err != nil {
		return nil, 0, err
	}
	joined := w.etcd.Peers()
	members := w.etcd.Members()
	slices.SortFunc(members, func(a, b etcd.Member) int {
		at := func(m etcd.Member) int { return slices.Index(joined, m.Peer) }
		return cmp.Compare(at(a), at(b))
	})
	for _, m := range members {
		if m.Learner {
			continue
		}
		voters++
		if m.Up {
			up = append(up, m.Name)
		}
	}
	return up, voters, nil
}

// StopEtcd implements fault.Etcd: the kubelet reports the container, and the member is gone.
func (t *Twin) StopEtcd(ctx context.Context, cluster, member string) (func(context.Context) error, error) {
	w, err := t.begun(cluster)
	if err != nil {
		return nil, err
	}
	if err := w.crashEtcd(ctx, member); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error { return w.reviveEtcd(ctx, member) }, nil
}

// FailVCenter implements fault.VCenter.
func (t *Twin) FailVCenter(f vcenter.Fault) (heal func()) { return t.vcenter.Inject(f) }

// FailAPI implements fault.ManagementAPI.
func (t *Twin) FailAPI(f fault.APIFault) (heal func()) {
	return t.line.Inject(kube.LineFault{Effect: kube.LineEffect(f.Effect), Clients: f.Clients, Delay: f.Delay, Status: f.Status, Every: f.Every, Hit: f.Hit})
}

// DelayWatches implements fault.ManagementAPI.
func (t *Twin) DelayWatches(kind string, by time.Duration, hit func()) (heal func()) {
	return t.line.DelayWatches(kube.WatchDelay{Kind: kind, Delay: by, Hit: func(string) { hit() }})
}

// StopController implements fault.ManagementAPI.
func (t *Twin) StopController(name string) (start func(), err error) {
	if start, err = t.controllers.Stop(name); err == nil && name == kube.VSphereProvider {
		t.vcenter.CutWaits() // only a process that lives hears of the end of its tasks
	}
	return start, err
}

// Datastores implements fault.VCenter.
func (t *Twin) Datastores() []string {
	var l []string
	for _, p := range t.plan.places {
		l = append(l, p.Datastore)
	}
	slices.Sort(l)
	return slices.Compact(l)
}

// FailAppRelease implements fault.AppReleases.
func (t *Twin) FailAppRelease(cluster, phase, message string, hit func(name string)) (func(), error) {
	w, err := t.begun(cluster)
	if err != nil {
		return nil, err
	}
	return w.releases.operator.FailInto(kubeovn.Phase(phase), message, hit)
}

// Administrator implements fault.Clusters.
func (t *Twin) Administrator(cluster string) (*rest.Config, error) {
	if cluster == "" {
		cfg := t.Management()
		cfg.UserAgent = kube.Unseen
		return cfg, nil
	}
	w, err := t.begun(cluster)
	if err != nil {
		return nil, err
	}
	return rest.CopyConfig(w.plane.Admin), nil
}

// Began implements fault.Clusters.
func (t *Twin) Began() time.Time { return t.began }

// Owed implements fault.Clusters.
func (t *Twin) Owed() time.Duration { return t.clock.Owed() }

// Draw implements fault.Clusters.
func (t *Twin) Draw(name string, n int) int {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d/%s", t.plan.Seed, name)
	return int(h.Sum64() % uint64(n))
}

// begun is a workload cluster whose control plane runs. Before kubeadm init there is none of it: no API server, no etcd,
// no operator.
func (t *Twin) begun(cluster string) (*workload, error) {
	w, err := t.workload(cluster)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.running {
		return nil, fmt.Errorf("workload cluster %q: it has no control plane yet", cluster)
	}
	return w, nil
}
