package sim

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/rand"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/rehearse-dev/rehearse/fakes/configpool"
	"github.com/rehearse-dev/rehearse/fakes/platform"
	"github.com/rehearse-dev/rehearse/fakes/registry"
	"github.com/rehearse-dev/rehearse/fakes/vcenter"
	"github.com/rehearse-dev/rehearse/sim/clock"
	"github.com/rehearse-dev/rehearse/sim/kube"
	"github.com/rehearse-dev/rehearse/sim/manifests"
)

// boot starts everything, from the manifests or where another twin has stood.
func (t *Twin) boot(ctx context.Context, from *snapshot) (err error) {
	ctx, cancel := within(ctx, patience)
	defer cancel()
	defer func() { err = because(ctx, err) }()
	// Names that the controllers generate come from this source; with it a seed gives the same names.
	rand.Seed(int64(t.plan.Seed))
	if err := t.newWorkloads(); err != nil {
		return err
	}
	if from != nil {
		return t.restore(ctx, from)
	}
	return t.build(ctx)
}

// within gives up after d of real time. It is no deadline: that would be an instant of time.Now, which follows the clock's
// jumps. A timer is real.
func within(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(d, func() { cancel(fmt.Errorf("not within %s", d)) })
	return ctx, func() { timer.Stop(); cancel(nil) }
}

// because says why ctx has ended, where err may say only that it has.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); err != nil && cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}

// build starts a twin from the manifests, side by side where nothing is waited for.
func (t *Twin) build(ctx context.Context) error {
	t.o.Progress("starting etcd, vCenter and registry")
	if err := t.startServers(ctx); err != nil {
		return err
	}
	t.o.Progress("starting the management cluster and the control planes")
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return t.startManagement(gctx) })
	if !t.o.Provision {
		for _, w := range t.workloads {
			g.Go(func() error { return w.start(gctx) })
		}
	}
	if err := g.Wait(); err != nil {
		return err
	}
	t.o.Progress("writing the clusters")
	if err := t.writeClusters(ctx); err != nil {
		return err
	}
	t.o.Progress("starting the controllers")
	t.guardControllers(ctx)
	if err := t.startControllers(ctx); err != nil {
		return err
	}
	for {
		t.clock.SetPace(clock.Free)
		if err := t.awaitReady(ctx); err != nil {
			return err
		}
		if err := t.rest(ctx); err != nil {
			return err
		}
		if t.ready(ctx) == nil { // not for a moment only
			return nil
		}
	}
}

// newWorkloads reserves the addresses of the clusters, and has their certificates.
func (t *Twin) newWorkloads() error {
	for i, c := range t.plan.clusters {
		w, err := newWorkload(t, c)
		if err != nil {
			return err
		}
		switch {
		case t.from != nil:
			w.certs = restoreCertificates(t.from.Clusters[i])
		case !t.o.Provision:
			if w.certs, err = newCertificates(); err != nil {
				return fmt.Errorf("cluster %s: certificates: %w", c.Name, err)
			}
		}
		t.workloads = append(t.workloads, w)
	}
	return nil
}

func (t *Twin) etcdDir() string { return filepath.Join(t.o.Dir, "etcd") }

// startServers starts what all others talk to.
func (t *Twin) startServers(ctx context.Context) (err error) {
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return t.startOwn(gctx) })
	g.Go(func() (err error) {
		t.etcd, err = kube.StartEtcd(gctx, t.o.Binaries.Etcd, t.etcdDir())
		return err
	})
	if err := g.Wait(); err != nil {
		return err
	}
	t.guard(t.etcd.Process)
	return nil
}

// startOwn starts the servers of this process: vCenter, the registry, the webhooks.
func (t *Twin) startOwn(ctx context.Context) (err error) {
	if t.page, err = clock.NewPage(filepath.Join(t.o.Dir, "site-time")); err != nil {
		return err
	}
	if t.from != nil {
		t.webhookCA, err = kube.ParseCA(t.from.Webhooks.Certificate, t.from.Webhooks.Key)
	} else {
		t.webhookCA, err = kube.NewCA("webhook-ca")
	}
	if err != nil {
		return err
	}
	if t.webhooks, err = kube.NewWebhookServer(t.webhookCA); err != nil {
		return err
	}
	d := t.plan.durations
	conf := vcenter.Config{Clock: t.clock, Dir: t.o.Dir, User: t.plan.user, Places: t.plan.places, OnPower: t.power, OnRemove: t.removed, OnCall: t.calls.tell,
		OnClone: t.slotOfClone, Keeps: t.disksKept, OnKept: t.poolFaults.kept,
		Durations: vcenter.Durations{Clone: d.Of("vm-clone"), PowerOn: d.Of("vm-power-on"), PowerOff: d.Of("vm-power-off"), Reconfigure: d.Of("vm-reconfigure"),
			Destroy: d.Of("vm-destroy"), Shutdown: d.Of("vm-power-off")}}
	for _, x := range t.plan.World.Templates {
		conf.Templates = append(conf.Templates, vcenter.Template{Name: x.Name, Kubernetes: x.Kubernetes})
	}
	if t.vcenter, err = vcenter.Start(ctx, conf); err != nil {
		return err
	}
	if t.registry, err = registry.Start(registry.Config{Clock: t.clock, Artifacts: t.plan.World.Artifacts}); err != nil {
		return err
	}
	t.directory = t.newDirectory()
	return nil
}

// startManagement starts the management API and serves its webhooks.
func (t *Twin) startManagement(ctx context.Context) error {
	scheme, err := kube.NewScheme()
	if err != nil {
		return err
	}
	crds, err := manifests.CRDs()
	if err != nil {
		return err
	}
	more, err := platform.CRDs()
	if err != nil {
		return err
	}
	pool, err := configpool.CRD()
	if err != nil {
		return err
	}
	configpool.Extend(crds)
	more = append(more, pool)
	mutating, validating, err := manifests.Webhooks()
	if err != nil {
		return err
	}
	secret, err := token()
	if err != nil {
		return err
	}
	t.management, err = kube.StartManagement(ctx, kube.ManagementConfig{Dir: filepath.Join(t.o.Dir, "management"),
		APIServer: t.o.Binaries.APIServer, ControllerManager: t.o.Binaries.ControllerManager, EtcdURL: t.etcd.URL, Env: []string{t.page.Env()}, Token: secret, Scheme: scheme, Webhooks: t.webhooks, Installed: t.from != nil,
		CRDs: append(crds, more...), Mutating: append(mutating, directoryWebhook(), slotWebhook()),
		Validating: append(validating, consumerWebhook()), Carried: configpool.Fields})
	if err != nil {
		return err
	}
	t.guard(t.management.Processes...)
	t.line = kube.NewLine(t.clock, append(crds, more...), t.calls.tell)
	if t.controllers, err = kube.NewControllers(t.run, t.management, t.clock, t.line, t.o.Log, map[string]admission.HandlerFunc{
		directoryPath: t.directory.admit, slotPath: t.admitVM, consumerPath: t.admitConsumer}, func(n *corev1.Node) { t.losses.PutRight(n) }); err != nil {
		return err
	}
	if err := t.startPools(); err != nil {
		return err
	}
	if !t.onSiteTime() {
		t.note("creation and deletion timestamps follow the machine's time, not the site's: rehearse doctor says why")
	}
	if t.front, err = kube.StartFront(t.management, t.clock, t.line); err != nil {
		return err
	}
	if t.admin, err = client.New(t.management.Config, client.Options{Scheme: scheme}); err != nil {
		return err
	}
	if t.from != nil {
		return nil
	}
	return t.writePlatform(ctx)
}

// writePlatform writes what the platform itself keeps on the management cluster.
func (t *Twin) writePlatform(ctx context.Context) error {
	var names []string
	for _, c := range t.plan.clusters {
		names = append(names, c.Name)
	}
	var objects []client.Object
	for _, d := range platform.Deployments(kube.Namespace) {
		objects = append(objects, d)
	}
	if v := t.plan.World.ACP; v != "" {
		for _, s := range platform.Shadows(kube.Namespace, v, names) {
			objects = append(objects, s)
		}
	}
	if err := t.ensureNamespace(ctx, kube.Namespace); err != nil {
		return err
	}
	for _, o := range objects {
		status := o.DeepCopyObject().(client.Object)
		if err := t.admin.Create(ctx, o); err != nil {
			return fmt.Errorf("%s: %w", o.GetName(), err)
		}
		status.SetResourceVersion(o.GetResourceVersion())
		status.SetUID(o.GetUID())
		if err := t.admin.Status().Update(ctx, status); err != nil {
			return fmt.Errorf("status of %s: %w", o.GetName(), err)
		}
	}
	return nil
}

func (t *Twin) ensureNamespace(ctx context.Context, name string) error {
	n := namespace(name)
	if err := t.admin.Create(ctx, n); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("namespace %s: %w", name, err)
	}
	return nil
}

// writeClusters applies the manifests and, unless the controllers are to provision, what they would have made of them.
func (t *Twin) writeClusters(ctx context.Context) error {
	a, err := newApplier(t.management.Config)
	if err != nil {
		return err
	}
	for _, w := range t.workloads {
		for _, m := range w.plan.manifests {
			if !t.onSiteTime() {
				warnings, leaveOut := misjudge(m, true)
				t.note(warnings...)
				if leaveOut {
					continue
				}
			}
			to, err := t.directory.redirected(m)
			if err != nil {
				return err
			}
			if err := a.create(ctx, to); err != nil {
				return err
			}
		}
	}
	t.note(a.warnings...)
	if t.o.Provision {
		return nil
	}
	g, gctx := errgroup.WithContext(ctx)
	for _, w := range t.workloads {
		g.Go(func() error { return w.adopt(gctx) })
	}
	return g.Wait()
}
