package vcenter

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"time"

	_ "github.com/vmware/govmomi/pbm/simulator" // storage policies
	"github.com/vmware/govmomi/simulator"
	_ "github.com/vmware/govmomi/vapi/cluster/simulator" // cluster modules
	_ "github.com/vmware/govmomi/vapi/simulator"         // REST: the provider logs in to it as well as to SOAP
	"github.com/vmware/govmomi/vim25/types"

	"github.com/rehearse-dev/rehearse/fakes/fakekit"
)

// Config is what a vCenter is made of. Clock, Dir and User are required; Start copies the rest.
type Config struct {
	Clock fakekit.Clock
	// Dir is an existing directory; the files of VMs live in a directory below it, which Close removes.
	Dir string
	// User is the one account, with its password.
	User *url.Userinfo
	// Places name everything that must be in the inventory.
	Places []Place
	// Templates are the VM templates that are there from the start.
	Templates []Template
	// Durations of tasks, in site time.
	Durations Durations

	// OnPower, if set, is told that a VM was powered on or off, OnRemove that it is gone. Each call has a goroutine
	// of its own, which holds a Busy token, so site time stands still until it returns; those of one VM come one after
	// the other, in the order of what happened. That CreateVM powers a VM on, and templates, are not told of.
	OnPower  func(vm VM, on bool)
	OnRemove func(vm VM)
	// OnCall, if set, is told of each SOAP call of a client before it is served, e.g. "CloneVM_Task". The call waits
	// until it returns, and site time with it, but for that of WaitForUpdatesEx.
	OnCall func(method string)

	// OnClone, if set, says what a VM that is being cloned gets besides what the request says; its error fails the
	// task. Keeps says which disks of a VM that a client is about to switch off or to destroy are to be taken off it
	// first, and OnKept is told that they were. They stand for the requests of a provider that knows of such disks, and
	// are called in the middle of the task.
	OnClone func(vm string) (Extra, error)
	Keeps   func(vm VM) (files []string)
	OnKept  func(vm VM, files []string)
}

// Durations is how long vCenter's tasks take in site time; zero is at once.
type Durations struct {
	Clone, PowerOn, PowerOff, Reconfigure, Destroy time.Duration
	// Shutdown is how long a guest takes to power off after it was asked to.
	Shutdown time.Duration
}

// VCenter is a running vCenter. Its methods may be called from any goroutine.
type VCenter struct {
	cfg     Config
	clock   fakekit.Clock
	dir     string
	service *simulator.Service
	server  *simulator.Server
	layout  *layout
	refs    map[string]types.ManagedObjectReference // inventory objects of the layout, by path
	faults  faults
	readers readers
	events  events

	cuts atomic.Int64 // how often CutWaits was called

	mu        sync.Mutex
	closed    bool
	templates map[types.ManagedObjectReference]Template // those that Start and AddTemplate made
	origins   map[types.ManagedObjectReference]Template // what a VM was cloned from
	clones    map[string]int                            // how many VMs, or disks, of a name there have been
	disks     map[string]string                         // UUIDs of the disks that were made under a path
	quiet     map[types.ManagedObjectReference]bool     // VMs whose events nobody is told
}

// starting guards vcsim's package-level tables while an instance reads them.
var starting sync.Mutex

// Start builds the inventory and serves it on a port of 127.0.0.1.
func Start(ctx context.Context, cfg Config) (*VCenter, error) {
	l, err := plan(cfg.Places)
	if err != nil {
		return nil, fmt.Errorf("vcenter: %w", err)
	}
	dir, err := os.MkdirTemp(cfg.Dir, "vcenter-")
	if err != nil {
		return nil, fmt.Errorf("vcenter: %w", err)
	}
	v := &VCenter{
		cfg: cfg, clock: cfg.Clock, dir: dir, layout: l,
		refs:      map[string]types.ManagedObjectReference{},
		templates: map[types.ManagedObjectReference]Template{},
		origins:   map[types.ManagedObjectReference]Template{},
		clones:    map[string]int{},
		disks:     map[string]string{},
		quiet:     map[types.ManagedObjectReference]bool{},
	}
	v.readers = readers{clock: cfg.Clock}
	starting.Lock()
	defer starting.Unlock()
	if err := v.build(ctx); err != nil {
		return nil, fmt.Errorf("vcenter: %w", errors.Join(err, os.RemoveAll(dir)))
	}
	crt, err := certificate()
	if err != nil {
		return nil, fmt.Errorf("vcenter: %w", errors.Join(err, os.RemoveAll(dir)))
	}
	v.serve(crt)
	return v, nil
}

// serve starts vcsim's server behind our own handler.
func (v *VCenter) serve(crt tls.Certificate) {
	s := v.service
	s.TLS = &tls.Config{Certificates: []tls.Certificate{crt}} // vcsim's own has an RSA key, which every handshake pays for
	s.RegisterEndpoints = true
	s.Listen = &url.URL{Host: "127.0.0.1:0", User: v.cfg.User}
	v.server = s.NewServer()
	// Nobody knows the address yet, so no request has read the handler.
	v.server.Config.Handler = v.watchRequests(v.server.Config.Handler)
	v.server.Config.ErrorLog = log.New(io.Discard, "", 0) // clients that go away in the middle of a handshake
}

// URL is the SOAP endpoint with user and password. The certificate is self-signed.
func (v *VCenter) URL() *url.URL {
	u := *v.server.URL
	return &u
}

// Host is the endpoint's host:port, as a VSphereCluster's spec.server names it.
func (v *VCenter) Host() string { return v.server.URL.Host }

// CutWaits ends every wait for updates that is in flight with an error: the process that waited has ended. It takes up to
// a second of real time to be noticed, in which no update is delivered.
func (v *VCenter) CutWaits() { v.cuts.Add(1) }

// Close stops serving and removes the VMs' files. It does not wait for clients: the provider waits for tasks without
// a deadline, and vcsim's own Close waits for those clients.
func (v *VCenter) Close() error {
	v.mu.Lock()
	v.closed = true
	v.mu.Unlock()
	err := v.server.Config.Close()
	v.readers.close()
	return errors.Join(err, os.RemoveAll(v.dir))
}
