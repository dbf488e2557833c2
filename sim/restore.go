package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"

	"golang.org/x/sync/errgroup"
	"sigs.k8s.io/cluster-api/util/certs"
	"sigs.k8s.io/cluster-api/util/secret"

	"github.com/rehearse-dev/rehearse/fakes/vcenter"
	"github.com/rehearse-dev/rehearse/sim/clock"
	"github.com/rehearse-dev/rehearse/sim/kube"
)

// state reads what a snapshot says of the twin that it was taken of.
func (s *snapshot) state() (*saved, error) {
	v := &saved{}
	if err := json.Unmarshal(s.files[savedState], v); err != nil {
		return nil, fmt.Errorf("%s: %w", savedState, err)
	}
	return v, nil
}

// restore is a boot: it starts a twin where another one has stood: the API servers on a copy of their storage, and the models with
// what they knew. What boot writes is there already. The ports are new ones: they are put in the place of the old ones
// before anybody reads the storage.
func (t *Twin) restore(ctx context.Context, s *snapshot) error {
	t.o.Progress("copying the world")
	if err := t.startOwn(ctx); err != nil {
		return err
	}
	if err := t.restoreStorage(s); err != nil {
		return err
	}
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return t.resumeEtcd(gctx) })
	g.Go(t.restoreVMs)
	if err := g.Wait(); err != nil {
		return err
	}
	t.o.Progress("starting the management cluster and the control planes")
	g, gctx = errgroup.WithContext(ctx)
	g.Go(func() error { return t.startManagement(gctx) })
	for i, w := range t.workloads {
		g.Go(func() error { return w.resume(gctx, t.from.Clusters[i]) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	t.o.Progress("starting the controllers")
	t.guardControllers(ctx)
	g, gctx = errgroup.WithContext(ctx)
	g.Go(func() error { return t.startControllers(gctx) })
	for _, w := range t.workloads {
		g.Go(func() error { return w.plane.AwaitControllers(gctx) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if err := t.rest(ctx); err != nil {
		return err
	}
	from := t.clock.Elapsed()
	if t.ready(ctx) != nil { // a controller took its own start for trouble, and sees in time that it is none
		t.clock.SetPace(clock.Free)
		if err := t.awaitReady(ctx); err != nil {
			return err
		}
		if err := t.rest(ctx); err != nil {
			return err
		}
	}
	t.setNotes(t.from.Notes)
	if passed := t.clock.Elapsed() - from; passed > 0 {
		t.note(fmt.Sprintf("the copy of the warm world was not at rest: %s of site time passed before the run", passed))
	}
	return nil
}

// restoreStorage writes what the other twin's etcd has left.
func (t *Twin) restoreStorage(s *snapshot) error {
	to, err := t.ports()
	if err != nil {
		return err
	}
	const database = savedEtcd + "/member/snap/db"
	from := t.from.Ports
	for name, b := range s.files {
		if name == database || name == savedState {
			readdress(b, from, to)
		}
	}
	if t.from, err = s.state(); err != nil { // again: images and configurations have addresses in them
		return err
	}
	data := kube.EtcdData(t.etcdDir())
	for name, size := range t.from.Files {
		if err := writeFile(filepath.Join(data, filepath.FromSlash(name)), s.files[savedEtcd+"/"+name], size); err != nil {
			return err
		}
	}
	clear(s.files)
	return nil
}

// resumeEtcd starts etcd on what restoreStorage wrote.
func (t *Twin) resumeEtcd(ctx context.Context) (err error) {
	if t.etcd, err = kube.ResumeEtcd(ctx, t.o.Binaries.Etcd, t.etcdDir()); err != nil {
		return err
	}
	t.guard(t.etcd.Process)
	return nil
}

// restoreVMs makes the VMs that were there, in the same order: so they have the same references.
func (t *Twin) restoreVMs() error {
	t.addresses.resume(t.from.Addresses, t.from.Leased)
	for _, v := range t.from.VMs {
		t.restored = vcenter.Extra{Disks: unmade(v.Disks)}
		vm, err := t.createVM(v.Spec)
		if err != nil {
			return err
		}
		if got, err := t.vcenter.Disks(vm.Ref); err != nil || !reflect.DeepEqual(got, v.Disks) {
			return fmt.Errorf("VM %s: got disks %v (%v), want %v", v.Spec.Name, got, err, v.Disks)
		}
		if vm.Ref.Value != v.Ref {
			return fmt.Errorf("VM %s: got reference %s, want %s", v.Spec.Name, vm.Ref.Value, v.Ref)
		}
	}
	t.restored = vcenter.Extra{}
	return nil
}

// unmade are disks that vCenter is to make: it gives them the UUIDs that it gave the first of their paths.
func unmade(disks []vcenter.Disk) []vcenter.Disk {
	l := slices.Clone(disks)
	for i := range l {
		l[i].UUID = ""
	}
	return l
}

// restoreCertificates are those that the cluster was made with.
func restoreCertificates(s savedCluster) secret.Certificates {
	l := secret.NewCertificatesForInitialControlPlane(nil)
	for _, c := range l {
		p := s.Certificates[c.Purpose]
		c.KeyPair = &certs.KeyPair{Cert: p.Certificate, Key: p.Key}
	}
	return l
}

// resume starts the control plane and the models of a cluster where they were.
func (w *workload) resume(ctx context.Context, s savedCluster) error {
	if err := w.start(ctx); err != nil {
		return err
	}
	w.created = s.Created
	for node, g := range s.Guests {
		w.know(node, &guest{vm: g.VM, uuid: g.UUID, ip: g.IP, controlPlane: g.ControlPlane, node: g.Node, on: true})
	}
	if err := w.etcd.Bootstrap(s.Peers...); err != nil {
		return err
	}
	if got := w.etcd.Members(); !slices.Equal(got, s.Members) {
		return fmt.Errorf("etcd of %s: got members %v, want %v", w.name, got, s.Members)
	}
	if err := w.kubelets.Resume(ctx, s.Kubelets); err != nil {
		return err
	}
	w.cloud.Look()
	return w.releases.watch()
}
