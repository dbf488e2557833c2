package vcenter_test

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vmware/govmomi"
	"github.com/vmware/govmomi/find"
	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/task"
	"github.com/vmware/govmomi/vapi/rest"
	"github.com/vmware/govmomi/view"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"

	"github.com/rehearse-dev/rehearse/fakes/fakekit/fakeclock"
	"github.com/rehearse-dev/rehearse/fakes/vcenter"
)

var place = vcenter.Place{
	Datacenter: "DC1", Folder: "/DC1/vm/rehearse", ResourcePool: "/DC1/host/cluster-1/Resources",
	Datastore: "datastore-1", Networks: []string{"VM Network"},
}

const oldTemplate, newTemplate = "microos-4.2.1-k8s-1.33.7", "microos-4.3.0-k8s-1.34.5"

// site is a vCenter, a client that is logged in to it, and what its hooks were told.
type site struct {
	*vcenter.VCenter
	t      *testing.T
	ctx    context.Context
	clock  *fakeclock.Clock
	client *govmomi.Client
	finder *find.Finder

	mu     sync.Mutex
	events []string
}

func start(t *testing.T, change ...func(*vcenter.Config)) *site {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	s := &site{t: t, ctx: ctx, clock: fakeclock.New()}
	cfg := vcenter.Config{
		Clock: s.clock, Dir: t.TempDir(), User: url.UserPassword("admin@vsphere.local", "s3cret"),
		Places:    []vcenter.Place{place},
		Templates: []vcenter.Template{{Name: oldTemplate, Kubernetes: "v1.33.7"}, {Name: newTemplate, Kubernetes: "v1.34.5"}},
		Durations: vcenter.Durations{
			Clone: time.Minute, PowerOn: 3 * time.Second, PowerOff: 5 * time.Second, Reconfigure: time.Second,
			Destroy: 8 * time.Second, Shutdown: 20 * time.Second,
		},
		OnPower: func(vm vcenter.VM, on bool) {
			s.record(vm.Name + map[bool]string{true: " on", false: " off"}[on])
		},
		OnRemove: func(vm vcenter.VM) { s.record(vm.Name + " removed") },
	}
	for _, f := range change {
		f(&cfg)
	}
	v, err := vcenter.Start(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.VCenter = v
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
	if s.client, err = govmomi.NewClient(ctx, v.URL(), true); err != nil {
		t.Fatal(err)
	}
	s.finder = find.NewFinder(s.client.Client)
	dc, err := s.finder.Datacenter(ctx, "*") // what CAPV's webhook makes of an empty datacenter
	if err != nil {
		t.Fatal(err)
	}
	s.finder.SetDatacenter(dc)
	return s
}

func (s *site) record(event string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, event)
}

func (s *site) told(want ...string) {
	s.t.Helper()
	s.clock.Settle()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.events, want) {
		s.t.Errorf("hooks were told %q, want %q", s.events, want)
	}
	s.events = nil
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// clone asks for a VM in the way of CAPV's pkg/services/govmomi/vcenter.Clone.
func (s *site) clone(name, template string) *object.Task {
	s.t.Helper()
	src := must(s.finder.VirtualMachine(s.ctx, template))(s.t)
	folder := must(s.finder.FolderOrDefault(s.ctx, place.Folder))(s.t)
	pool := must(s.finder.ResourcePoolOrDefault(s.ctx, place.ResourcePool))(s.t).Reference()
	store := must(s.finder.Datastore(s.ctx, place.Datastore))(s.t).Reference()
	devices := must(src.Device(s.ctx))(s.t)
	net := must(s.finder.Network(s.ctx, place.Networks[0]))(s.t)
	backing := must(net.EthernetCardBackingInfo(s.ctx))(s.t)
	nic := must(object.EthernetCardTypes().CreateEthernetCard("vmxnet3", backing))(s.t)
	nic.GetVirtualDevice().Key = -100
	return must(src.Clone(s.ctx, folder, name, types.VirtualMachineCloneSpec{
		Location: types.VirtualMachineRelocateSpec{
			Pool: &pool, Datastore: &store, DiskMoveType: "moveAllDiskBackingsAndConsolidate",
		},
		Config: &types.VirtualMachineConfigSpec{
			InstanceUuid: "11111111-2222-3333-4444-555555555555", NumCPUs: 4, MemoryMB: 8192,
			ExtraConfig: []types.BaseOptionValue{
				&types.OptionValue{Key: "guestinfo.userdata", Value: "I2Nsb3VkLWNvbmZpZwo="},
				&types.OptionValue{Key: "guestinfo.userdata.encoding", Value: "base64"},
			},
			DeviceChange: []types.BaseVirtualDeviceConfigSpec{
				&types.VirtualDeviceConfigSpec{
					Device:    devices.SelectByType((*types.VirtualEthernetCard)(nil))[0],
					Operation: types.VirtualDeviceConfigSpecOperationRemove,
				},
				&types.VirtualDeviceConfigSpec{Device: nic, Operation: types.VirtualDeviceConfigSpecOperationAdd},
			},
		},
	}))(s.t)
}

// end lets the task take exactly d: it runs just before, and has ended after.
func (s *site) end(tk *object.Task, d time.Duration) error {
	s.t.Helper()
	s.clock.Advance(d - time.Millisecond)
	if got := s.state(tk); got != types.TaskInfoStateRunning {
		s.t.Errorf("task is %s a moment before %s, want running", got, d)
	}
	s.clock.Advance(time.Millisecond)
	if got := s.state(tk); got == types.TaskInfoStateRunning {
		s.t.Errorf("task is %s after %s, want ended", got, d)
	}
	return tk.Wait(s.ctx)
}

func (s *site) state(tk *object.Task) types.TaskInfoState {
	s.t.Helper()
	var o mo.Task
	if err := tk.Properties(s.ctx, tk.Reference(), []string{"info.state"}, &o); err != nil {
		s.t.Fatal(err)
	}
	return o.Info.State
}

func (s *site) machine(name string) (*object.VirtualMachine, mo.VirtualMachine) {
	s.t.Helper()
	vm := must(s.finder.VirtualMachine(s.ctx, name))(s.t)
	var o mo.VirtualMachine
	if err := vm.Properties(s.ctx, vm.Reference(), nil, &o); err != nil {
		s.t.Fatal(err)
	}
	return vm, o
}

// A VM's life as the provider lives it: every task takes its duration of site time, not a moment of real time.
func TestLifeOfAClone(t *testing.T) {
	s := start(t)
	if err := s.end(s.clone("cp-1", newTemplate), time.Minute); err != nil {
		t.Fatal(err)
	}
	vm, o := s.machine("cp-1")
	for _, c := range []struct{ what, got, want string }{
		{"instance uuid", o.Config.InstanceUuid, "11111111-2222-3333-4444-555555555555"},
		{"path", must(find.InventoryPath(s.ctx, s.client.Client, vm.Reference()))(t), "/DC1/vm/rehearse/cp-1"},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %q, want %q", c.what, c.got, c.want)
		}
	}
	if o.Config.Hardware.NumCPU != 4 || o.Config.Hardware.MemoryMB != 8192 {
		t.Errorf("hardware: got %d CPUs, %d MB, want 4, 8192", o.Config.Hardware.NumCPU, o.Config.Hardware.MemoryMB)
	}
	if len(o.Guest.Net) != 1 || o.Guest.Net[0].MacAddress == "" || o.Guest.Net[0].Network != "VM Network" {
		t.Errorf("guest.net: got %+v, want one card on VM Network with a MAC", o.Guest.Net)
	}
	if got, ok := s.Origin(vm.Reference()); !ok || got.Kubernetes != "v1.34.5" {
		t.Errorf("origin: got %v %v, want v1.34.5", got, ok)
	}
	if got := string(must(s.GuestInfo(vm.Reference(), "userdata"))(t)); got != "#cloud-config\n" {
		t.Errorf("userdata: got %q", got)
	}

	if err := s.end(must(vm.PowerOn(s.ctx))(t), 3*time.Second); err != nil {
		t.Fatal(err)
	}
	s.told("cp-1 on")
	if err := s.SetIP(vm.Reference(), "10.0.0.7"); err != nil {
		t.Fatal(err)
	}
	if _, o = s.machine("cp-1"); o.Guest.IpAddress != "10.0.0.7" || o.Summary.Guest.IpAddress != "10.0.0.7" ||
		!slices.Equal(o.Guest.Net[0].IpAddress, []string{"10.0.0.7"}) {
		t.Errorf("guest: got %+v, want 10.0.0.7 in all three places", o.Guest)
	}
	if err := s.end(must(vm.PowerOff(s.ctx))(t), 5*time.Second); err != nil {
		t.Fatal(err)
	}
	s.told("cp-1 off")
	if _, o = s.machine("cp-1"); o.Guest.IpAddress != "" || o.Guest.Net[0].IpAddress != nil {
		t.Errorf("guest after power off: got %+v, want no address", o.Guest)
	}
	if err := s.end(must(vm.Destroy(s.ctx))(t), 8*time.Second); err != nil {
		t.Fatal(err)
	}
	s.told("cp-1 removed")
	if _, err := s.finder.VirtualMachine(s.ctx, "cp-1"); err == nil {
		t.Error("the VM is still in the inventory")
	}
}

func TestLoginsRefuseAWrongPassword(t *testing.T) {
	s := start(t)
	wrong := s.URL()
	wrong.User = url.UserPassword("admin@vsphere.local", "guess")
	if _, err := govmomi.NewClient(s.ctx, wrong, true); err == nil || !strings.Contains(err.Error(), "Login failure") {
		t.Errorf("SOAP: got %v, want a login failure", err)
	}
	for _, u := range []*url.URL{wrong, s.URL()} {
		err := rest.NewClient(s.client.Client).Login(s.ctx, u.User)
		if want := u == wrong; (err != nil) != want {
			t.Errorf("REST login as %s: got %v, want refused=%v", u.User, err, want)
		}
	}
}

func TestTemplates(t *testing.T) {
	s := start(t)
	const name = "microos-4.4.0"
	find := func() error { _, err := s.finder.VirtualMachine(s.ctx, name); return err }
	if err := find(); err == nil || err.Error() != "vm '"+name+"' not found" {
		t.Errorf("got %v, want the text that the provider puts into its condition", err)
	}
	if err := s.AddTemplate(s.ctx, vcenter.Template{Name: name, Kubernetes: "v1.35.0"}); err != nil {
		t.Fatal(err)
	}
	if err := s.AddTemplate(s.ctx, vcenter.Template{Name: name}); err == nil {
		t.Error("a second template of one name was accepted")
	}
	if err := find(); err != nil || !s.HasTemplate(name) {
		t.Errorf("find: %v, HasTemplate %v, want it there", err, s.HasTemplate(name))
	}
	if _, o := s.machine(name); !o.Config.Template {
		t.Error("it is not marked as a template")
	}
	if err := s.RemoveTemplate(name); err != nil {
		t.Fatal(err)
	}
	if err := find(); err == nil || s.HasTemplate(name) {
		t.Errorf("find: %v, HasTemplate %v, want it gone", err, s.HasTemplate(name))
	}
	if err := s.RemoveTemplate(name); err == nil {
		t.Error("removing what is not there: got no error")
	}
	s.told() // templates are not machines
}

// A template that disappears while it is being cloned fails the task, as its files are gone.
func TestTemplateRemovedDuringClone(t *testing.T) {
	s := start(t)
	tk := s.clone("cp-1", newTemplate)
	if err := s.RemoveTemplate(newTemplate); err != nil {
		t.Fatal(err)
	}
	var fault task.Error
	if err := s.end(tk, time.Minute); !errorsAs(err, &fault) {
		t.Fatalf("got %v, want a failed task", err)
	}
	if _, ok := fault.Fault().(*types.ManagedObjectNotFound); !ok {
		t.Errorf("fault: got %T, want ManagedObjectNotFound", fault.Fault())
	}
}

func TestGuestShutdown(t *testing.T) {
	s := start(t)
	created := must(s.CreateVM(vcenter.VMSpec{Name: "w-1", Template: oldTemplate, Place: place}))(t)
	vm := object.NewVirtualMachine(s.client.Client, created.Ref)
	if err := vm.ShutdownGuest(s.ctx); err == nil || !soap.IsSoapFault(err) {
		t.Errorf("without VMware Tools: got %v, want ToolsUnavailable", err)
	}
	if err := s.SetIP(created.Ref, "10.0.0.8"); err != nil {
		t.Fatal(err)
	}
	if running, err := vm.IsToolsRunning(s.ctx); err != nil || !running {
		t.Errorf("tools running: got %v %v, want true", running, err)
	}
	if err := vm.ShutdownGuest(s.ctx); err != nil {
		t.Fatal(err)
	}
	s.clock.Advance(20*time.Second - time.Millisecond)
	s.told()
	s.clock.Advance(time.Millisecond)
	s.told("w-1 off")
}

func TestCreateVM(t *testing.T) {
	s := start(t)
	spec := vcenter.VMSpec{
		Name: "w-1", Template: oldTemplate, Place: place,
		UUID: "420a1b2c-0000-4000-8000-00000000cafe", InstanceUUID: "99999999-0000-4000-8000-000000000001",
		MAC: "00:50:56:aa:bb:cc", IP: "10.0.0.9", NumCPUs: 8, MemoryMiB: 16384, DiskGiB: 40,
		ExtraConfig: map[string]string{"guestinfo.metadata": "aG9zdA==", "guestinfo.metadata.encoding": "base64"},
	}
	vm := must(s.CreateVM(spec))(t)
	if vm.UUID != spec.UUID {
		t.Errorf("uuid: got %s, want %s", vm.UUID, spec.UUID)
	}
	_, o := s.machine("w-1")
	if o.Runtime.PowerState != types.VirtualMachinePowerStatePoweredOn {
		t.Errorf("power: got %s, want on", o.Runtime.PowerState)
	}
	if o.Config.InstanceUuid != spec.InstanceUUID || o.Config.Hardware.NumCPU != 8 || o.Config.Hardware.MemoryMB != 16384 {
		t.Errorf("config: got %s, %d, %d", o.Config.InstanceUuid, o.Config.Hardware.NumCPU, o.Config.Hardware.MemoryMB)
	}
	if len(o.Guest.Net) != 1 || o.Guest.Net[0].MacAddress != spec.MAC || o.Guest.Net[0].IpAddress[0] != spec.IP {
		t.Errorf("guest.net: got %+v, want %s with %s", o.Guest.Net, spec.MAC, spec.IP)
	}
	disks := object.VirtualDeviceList(o.Config.Hardware.Device).SelectByType((*types.VirtualDisk)(nil))
	if got := disks[0].(*types.VirtualDisk).CapacityInKB; got != 40<<20 {
		t.Errorf("disk: got %d KiB, want 40 GiB", got)
	}
	ref := must(object.NewSearchIndex(s.client.Client).FindByUuid(s.ctx, nil, spec.UUID, true, types.NewBool(false)))(t)
	if ref == nil || ref.Reference() != vm.Ref {
		t.Errorf("by BIOS uuid: got %v, want %v", ref, vm.Ref)
	}
	if got, ok := s.Origin(vm.Ref); !ok || got.Name != oldTemplate {
		t.Errorf("origin: got %v %v", got, ok)
	}
	if got := string(must(s.GuestInfo(vm.Ref, "metadata"))(t)); got != "host" {
		t.Errorf("metadata: got %q, want host", got)
	}
	s.told() // a VM that was always there does not boot
	for _, bad := range []vcenter.VMSpec{
		{Name: "w-1", Template: oldTemplate, Place: place},
		{Name: "w-2", Template: "nope", Place: place},
		{Name: "w-2", Template: oldTemplate, Place: vcenter.Place{Folder: "elsewhere"}},
	} {
		if _, err := s.CreateVM(bad); err == nil {
			t.Errorf("CreateVM(%+v): got no error", bad)
		}
	}
}

// A VM under an old name is another machine.
func TestUUIDsAreNotReused(t *testing.T) {
	s := start(t)
	seen := map[string]bool{}
	for range 2 {
		vm := must(s.CreateVM(vcenter.VMSpec{Name: "w-1", Template: oldTemplate, Place: place}))(t)
		if seen[vm.UUID] {
			t.Errorf("uuid %s was used before", vm.UUID)
		}
		seen[vm.UUID] = true
		o := object.NewVirtualMachine(s.client.Client, vm.Ref)
		if err := s.end(must(o.PowerOff(s.ctx))(t), 5*time.Second); err != nil {
			t.Fatal(err)
		}
		if err := s.end(must(o.Destroy(s.ctx))(t), 8*time.Second); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTwoInstancesAreIndependent(t *testing.T) {
	var wg sync.WaitGroup
	for _, name := range []string{"a", "b"} {
		wg.Go(func() {
			s := start(t, func(c *vcenter.Config) { c.User = url.UserPassword("admin", "pass-"+name) })
			for _, n := range []string{"1", "2", "3"} {
				must(s.CreateVM(vcenter.VMSpec{Name: name + "-" + n, Template: oldTemplate, Place: place}))(t)
			}
			root := s.client.ServiceContent.RootFolder
			all := must(view.NewManager(s.client.Client).CreateContainerView(s.ctx, root, []string{"VirtualMachine"}, true))(t)
			var vms []mo.VirtualMachine
			if err := all.Retrieve(s.ctx, []string{"VirtualMachine"}, []string{"name"}, &vms); err != nil {
				t.Error(err)
			}
			if len(vms) != 5 { // with the two templates
				t.Errorf("%s: got %d VMs, want 5", name, len(vms))
			}
		})
	}
	wg.Wait()
}

func TestManyDatacentersShareTemplates(t *testing.T) {
	other := vcenter.Place{Datacenter: "DC2", ResourcePool: "/DC2/host/c/Resources", Networks: []string{"vlan-7"}}
	s := &site{}
	s.clock = fakeclock.New()
	v := must(vcenter.Start(t.Context(), vcenter.Config{
		Clock: s.clock, Dir: t.TempDir(), User: url.UserPassword("u", "p"),
		Places: []vcenter.Place{place, other}, Templates: []vcenter.Template{{Name: oldTemplate}},
	}))(t)
	defer v.Close()
	for _, p := range []vcenter.Place{place, other} {
		must(v.CreateVM(vcenter.VMSpec{Name: "vm-" + p.Datacenter, Template: oldTemplate, Place: p}))(t)
	}
	c := must(govmomi.NewClient(t.Context(), v.URL(), true))(t)
	f := find.NewFinder(c.Client)
	for _, p := range []string{
		"/DC1/vm/rehearse/vm-DC1", "/DC2/vm/vm-DC2", "/DC1/vm/" + oldTemplate, "/DC2/vm/" + oldTemplate,
		"/DC2/network/vlan-7", "/DC2/datastore/datastore-1", "/DC2/host/c/Resources", "/DC1/host/cluster-1/cluster-1-esx-1",
	} {
		if l, err := f.ManagedObjectList(t.Context(), p); err != nil || len(l) != 1 {
			t.Errorf("%s: got %d objects, %v, want 1", p, len(l), err)
		}
	}
	if err := v.RemoveTemplate(oldTemplate); err != nil || v.HasTemplate(oldTemplate) {
		t.Errorf("remove: %v, still there: %v", err, v.HasTemplate(oldTemplate))
	}
}

// A client that waits for a task without a deadline must not keep Close from returning.
func TestCloseDoesNotWaitForClients(t *testing.T) {
	s := start(t)
	tk := s.clone("cp-1", newTemplate)
	gone := make(chan error, 1)
	go func() { gone <- tk.Wait(context.Background()) }()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-gone:
		if err == nil {
			t.Error("the client was told that the task succeeded")
		}
	case <-time.After(20 * time.Second):
		t.Error("the client still waits")
	}
}
