package sim

import (
	"context"
	"crypto/rand"
	"encoding/hex"

	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rehearse-dev/rehearse/fakes/configpool"
	"github.com/rehearse-dev/rehearse/fakes/kubelet"
	"github.com/rehearse-dev/rehearse/fakes/kubeovn"
	"github.com/rehearse-dev/rehearse/fakes/registry"
	"github.com/rehearse-dev/rehearse/fakes/vcenter"
	"github.com/rehearse-dev/rehearse/sim/assets"
	"github.com/rehearse-dev/rehearse/sim/clock"
	"github.com/rehearse-dev/rehearse/sim/kube"
)

// Options say how to run a Plan. Dir and Binaries are required.
type Options struct {
	Dir       string     // everything that the twin writes is below it
	Binaries  assets.Set // control-plane binaries
	Provision bool       // let the controllers build the clusters from nothing, instead of finding them running
	Pace      clock.Pace // once the twin is ready
	Log       logr.Logger
	Progress  func(text string) // what the boot is doing, nil: nobody is told
	// Snapshot is a directory in which worlds are kept that were booted before, made if absent; many processes may share
	// it. The twin begins as a copy of such a world. Where there is none yet, it is made first. Empty, or with Provision:
	// the twin is booted.
	Snapshot string
}

// Twin is a running site. Make one with Plan.Start and end it with Close. All methods may be called from any goroutine.
type Twin struct {
	plan    *Plan
	o       Options
	clock   *clock.Clock
	page    *clock.Page     // tells the API servers the time
	run     context.Context // of everything that the twin runs
	cancel  context.CancelCauseFunc
	stopped sync.WaitGroup // the clock's goroutine

	etcd        *kube.Etcd
	management  *kube.Management
	controllers *kube.Controllers
	front       *kube.Front
	line        *kube.Line // to the management API
	vcenter     *vcenter.VCenter
	registry    *registry.Registry
	directory   *directory
	provider    *kubeovn.Provider
	standby     standby
	pools       *configpool.Provider
	poolFaults  poolFaults
	admin       client.Client // of the management cluster, uncached
	workloads   []*workload
	losses      *kubelet.Losses
	addresses   addresses
	calls       calls
	webhookCA   *kube.CA
	webhooks    *kube.WebhookServer
	from        *saved // what the twin was restored from, nil: it was booted
	guestFaults guestFaults
	began       time.Time // when it was ready, by the clock that the API servers go by

	vmsMu    sync.Mutex    // held while a VM is made, so that vcenter gives its references in the order of vms
	vms      []savedVM     // those of adopted machines
	restored vcenter.Extra // what the VM has besides its spec that is being restored

	mu      sync.Mutex
	failed  chan struct{} // closed after err is set
	err     error
	closing bool
	notes   []string
	boots   map[string]context.CancelFunc // of the VMs that were powered on, by name
}

// Start boots the twin, or restores it, and returns when it is ready: every cluster runs and the controllers have nothing
// to do. On an error nothing is left running.
func (p *Plan) Start(ctx context.Context, o Options) (_ *Twin, err error) {
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	if o.Dir, err = filepath.Abs(o.Dir); err != nil {
		return nil, err
	}
	if o.Snapshot != "" && !o.Provision {
		return p.fork(ctx, o)
	}
	return p.start(ctx, o, nil)
}

// start boots the twin, or restores it from a snapshot.
func (p *Plan) start(ctx context.Context, o Options, from *snapshot) (_ *Twin, err error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	var resume time.Time
	var state *saved
	if from != nil {
		if state, err = from.state(); err != nil {
			return nil, err
		}
		resume = state.Site
	}
	run, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	t := &Twin{plan: p, o: o, run: run, cancel: cancel, failed: make(chan struct{}), boots: map[string]context.CancelFunc{}, notes: slices.Clone(p.Warnings),
		clock: clock.New(clock.Options{Pace: clock.Hold, Resume: resume}), from: state}
	t.losses = kubelet.NewLosses(t.clock)
	stop := context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) }) // a boot that is given up ends everything
	defer stop()
	defer func() {
		if err != nil {
			t.Close()
			if ctx.Err() != nil {
				err = ctx.Err()
			}
		}
	}()
	ctrl.SetLogger(o.Log) // the first call wins; controller-runtime keeps one logger per process
	t.stopped.Go(func() { t.clock.Run(run) })
	if err := t.boot(run, from); err != nil {
		return nil, err
	}
	if t.began = t.clock.Latest(); !t.onSiteTime() {
		t.began = t.clock.Wall()
	}
	t.clock.SetPace(o.Pace)
	return t, nil
}

// Management is the management cluster as an administrator reaches it.
func (t *Twin) Management() *rest.Config { return rest.CopyConfig(t.front.Config) }

// Workload is a workload cluster as its administrator reaches it: through the control plane endpoint.
func (t *Twin) Workload(_ context.Context, name string) (*rest.Config, error) {
	w, err := t.workload(name)
	if err != nil {
		return nil, err
	}
	return w.administrator()
}

// ClusterNames are the workload clusters, sorted.
func (t *Twin) ClusterNames() []string {
	var l []string
	for _, w := range t.workloads {
		l = append(l, w.name)
	}
	slices.Sort(l)
	return l
}

func (t *Twin) workload(name string) (*workload, error) {
	i := slices.IndexFunc(t.workloads, func(w *workload) bool { return w.name == name })
	if i < 0 {
		return nil, fmt.Errorf("workload cluster %q: not found; there are %v", name, t.ClusterNames())
	}
	return t.workloads[i], nil
}

// VCenter is the SOAP endpoint with credentials.
func (t *Twin) VCenter() *url.URL { return t.vcenter.URL() }

// Registry is the base URL of the image registry.
func (t *Twin) Registry() *url.URL { return t.registry.URL() }

// Clock is the twin's clock.
func (t *Twin) Clock() *clock.Clock { return t.clock }

// Notes are what a person should know about this twin: fields and kinds that are not modelled.
func (t *Twin) Notes() []string { t.mu.Lock(); defer t.mu.Unlock(); return slices.Clone(t.notes) }

func (t *Twin) setNotes(l []string) { t.mu.Lock(); defer t.mu.Unlock(); t.notes = slices.Clone(l) }

func (t *Twin) note(texts ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.notes = append(t.notes, texts...)
}

// onSiteTime tells whether the API servers follow site time: their binaries were built for it.
func (t *Twin) onSiteTime() bool { return clock.VirtualNow && t.page.Readers() > 0 }

// WallTimeOnly lists what follows the machine's time although it should follow site time.
func (t *Twin) WallTimeOnly() []string { return clock.WallTimeOnly(t.onSiteTime()) }

// Failed is closed when the twin's own machinery broke; Err then says how.
func (t *Twin) Failed() <-chan struct{} { return t.failed }

// Err is nil while the twin works.
func (t *Twin) Err() error { t.mu.Lock(); defer t.mu.Unlock(); return t.err }

func (t *Twin) fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil && !t.closing {
		t.err = err
		close(t.failed)
		t.cancel(err)
	}
}

// guard makes the early end of a child a failure of the twin.
func (t *Twin) guard(ps ...*kube.Process) {
	for _, p := range ps {
		go func() {
			<-p.Done()
			t.mu.Lock()
			closing := t.closing
			t.mu.Unlock()
			if !closing {
				t.fail(p.Exited())
			}
		}()
	}
}

// Close ends everything and returns when no child is left. Calling it twice is harmless.
func (t *Twin) Close() {
	t.end()
	t.clean()
}

// end is Close without removing anything.
func (t *Twin) end() {
	t.mu.Lock()
	again := t.closing
	t.closing = true
	t.mu.Unlock()
	if again {
		return
	}
	t.clock.SetPace(clock.Hold)
	t.cancel(nil)
	var wg sync.WaitGroup
	for _, w := range t.workloads {
		wg.Go(w.close)
	}
	wg.Go(func() {
		if t.front != nil {
			t.front.Close()
		}
		if t.management != nil {
			t.management.Stop()
		}
		if t.webhooks != nil {
			t.webhooks.Close()
		}
	})
	wg.Wait()
	if t.etcd != nil {
		t.etcd.Stop()
	}
	if t.vcenter != nil {
		_ = t.vcenter.Close()
	}
	if t.registry != nil {
		_ = t.registry.Close()
	}
	t.stopped.Wait()
	if t.page != nil {
		t.page.Close()
	}
}

// clean leaves the logs and nothing else: databases are large, and keys have done their work.
func (t *Twin) clean() {
	_ = filepath.WalkDir(t.o.Dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Ext(path) != ".log" {
			_ = os.Remove(path) // what cannot be removed harms nobody
		}
		return nil
	})
	removeEmpty(t.o.Dir)
}

// removeEmpty removes a directory if nothing but empty directories is in it.
func removeEmpty(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if e.IsDir() {
			removeEmpty(filepath.Join(dir, e.Name()))
		}
	}
	_ = os.Remove(dir) // fails, as it should, when something is left
}

// Usage is what one process of the twin cost so far.
type Usage struct {
	Name string
	PID  int
	kube.Usage
}

// Usages lists the children's costs.
func (t *Twin) Usages() []Usage {
	ps := []*kube.Process{t.etcd.Process}
	ps = append(ps, t.management.Processes...)
	for _, w := range t.workloads {
		ps = append(ps, w.plane.Processes()...)
	}
	var l []Usage
	for _, p := range ps {
		u, err := p.Usage()
		if err == nil {
			l = append(l, Usage{p.Name(), p.PID(), u})
		}
	}
	return l
}

// token is a random secret for one run.
func token() (string, error) {
	b := make([]byte, 16)
	if _, err := rand.Read(b); err != nil {
		return "", err
	}
	return hex.EncodeToString(b), nil
}

// patience is how long a boot may take in real time before it is an error.
const patience = 3 * time.Minute
