package vcenter_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/vim25/types"

	"github.com/rehearse-dev/rehearse/fakes/vcenter"
)

const etcdDisk = "[datastore-1] pool-cp-1/var-lib-etcd.vmdk"

// keeper gives every VM whose name begins with "cp-" the disk, and takes it off while keeps says so.
type keeper struct {
	uuid  string
	keeps bool
}

func (k *keeper) hooks(c *vcenter.Config) {
	c.OnClone = func(vm string) (vcenter.Extra, error) {
		if !strings.HasPrefix(vm, "cp-") {
			return vcenter.Extra{}, nil
		}
		return vcenter.Extra{Disks: []vcenter.Disk{{Path: etcdDisk, UUID: k.uuid, SizeGiB: 100}},
			ExtraConfig: map[string]string{"guestinfo.hostname": "cp-1"}}, nil
	}
	c.Keeps = func(vcenter.VM) []string {
		if k.keeps {
			return []string{etcdDisk}
		}
		return nil
	}
}

func (s *site) attached(file string) []string {
	var l []string
	_, on, _ := s.Disk(file)
	for _, a := range on {
		l = append(l, a.VM.Name)
	}
	return l
}

func (s *site) remove(name string) {
	s.t.Helper()
	vm, _ := s.machine(name)
	if err := s.end(must(vm.PowerOff(s.ctx))(s.t), 5*time.Second); err != nil {
		s.t.Fatal(err)
	}
	if err := s.end(must(vm.Destroy(s.ctx))(s.t), 8*time.Second); err != nil {
		s.t.Fatal(err)
	}
}

func TestADiskOutlivesTheVMThatItIsTakenOff(t *testing.T) {
	k := &keeper{keeps: true}
	s := start(t, k.hooks)
	vm := must(s.CreateVM(vcenter.VMSpec{Name: "cp-1a", Template: oldTemplate, Place: place}))(t)
	first, on, ok := s.Disk(etcdDisk)
	if !ok || first.UUID == "" || len(on) != 1 || on[0].VM.Ref != vm.Ref || first.SizeGiB != 100 {
		t.Fatalf("got %+v on %v, want a disk of 100 GiB on cp-1a", first, on)
	}
	if got := must(s.ExtraConfig(vm.Ref))(t)["guestinfo.hostname"]; got != "cp-1" {
		t.Errorf("guestinfo.hostname: got %q", got)
	}
	s.remove("cp-1a")
	if d, on, ok := s.Disk(etcdDisk); !ok || len(on) != 0 || d.UUID != first.UUID {
		t.Fatalf("after the VM: got %+v on %v, want the disk on none", d, on)
	}
	k.uuid = first.UUID
	if err := s.end(s.clone("cp-1b", newTemplate), time.Minute); err != nil {
		t.Fatal(err)
	}
	if d, _, _ := s.Disk(etcdDisk); d.UUID != first.UUID || !slices.Equal(s.attached(etcdDisk), []string{"cp-1b"}) {
		t.Errorf("got %s on %v, want %s on cp-1b", d.UUID, s.attached(etcdDisk), first.UUID)
	}
}

// What vCenter does to a disk that is still attached when its VM is destroyed.
func TestADiskGoesWithTheVMThatItIsAttachedTo(t *testing.T) {
	k := &keeper{}
	s := start(t, k.hooks)
	must(s.CreateVM(vcenter.VMSpec{Name: "cp-1a", Template: oldTemplate, Place: place}))(t)
	first, _, _ := s.Disk(etcdDisk)
	s.remove("cp-1a")
	if d, _, ok := s.Disk(etcdDisk); ok {
		t.Fatalf("got %+v, want it gone", d)
	}
	k.uuid = first.UUID // the provider believes in it
	if err := s.end(s.clone("cp-1b", newTemplate), time.Minute); err == nil {
		t.Error("a clone with a disk that is gone: got no error")
	}
	if _, err := s.finder.VirtualMachine(s.ctx, "cp-1b"); err == nil {
		t.Error("cp-1b is there although its clone failed")
	}
	k.uuid = "" // it makes another one, under the same path
	if err := s.end(s.clone("cp-1b", newTemplate), time.Minute); err != nil {
		t.Fatal(err)
	}
	if d, _, _ := s.Disk(etcdDisk); d.UUID == "" || d.UUID == first.UUID {
		t.Errorf("got UUID %q, want one that is not %q", d.UUID, first.UUID)
	}
}

func TestARunningVMLocksItsDisks(t *testing.T) {
	k := &keeper{}
	s := start(t, k.hooks)
	must(s.CreateVM(vcenter.VMSpec{Name: "cp-1a", Template: oldTemplate, Place: place}))(t)
	d, _, _ := s.Disk(etcdDisk)
	other := must(s.CreateVM(vcenter.VMSpec{Name: "w-1", Template: oldTemplate, Place: place}))(t)
	if err := s.AttachDisk(other.Ref, d); err == nil || !strings.Contains(err.Error(), "Failed to lock the file") {
		t.Errorf("attach to a running VM: got %v", err)
	}
	if err := s.end(must(s.vm("w-1").PowerOff(s.ctx))(t), 5*time.Second); err != nil {
		t.Fatal(err)
	}
	if err := s.AttachDisk(other.Ref, d); err != nil {
		t.Fatal(err)
	}
	if got := s.attached(etcdDisk); !slices.Equal(got, []string{"cp-1a", "w-1"}) {
		t.Errorf("attached to %v", got)
	}
	if err := s.end(must(s.vm("w-1").PowerOn(s.ctx))(t), 3*time.Second); err == nil {
		t.Error("power on: got no error, want a locked file")
	}
	if err := s.DetachDisk(other.Ref, etcdDisk); err != nil {
		t.Fatal(err)
	}
	if err := s.end(must(s.vm("w-1").PowerOn(s.ctx))(t), 3*time.Second); err != nil {
		t.Error(err)
	}
}

// A provider that cannot take the disk off does not switch the VM off either.
func TestAVMWhoseDiskCannotBeTakenOffStays(t *testing.T) {
	k := &keeper{keeps: true}
	s := start(t, k.hooks)
	must(s.CreateVM(vcenter.VMSpec{Name: "cp-1a", Template: oldTemplate, Place: place}))(t)
	heal := s.Inject(vcenter.Fault{Method: "ReconfigVM_Task", VM: "cp-1a", Effect: vcenter.Fail, Err: &types.TaskInProgress{}})
	vm, _ := s.machine("cp-1a")
	if err := s.end(must(vm.PowerOff(s.ctx))(t), 5*time.Second); err == nil {
		t.Error("power off: got no error")
	}
	if got := s.attached(etcdDisk); !slices.Equal(got, []string{"cp-1a"}) {
		t.Errorf("attached to %v", got)
	}
	heal()
	s.remove("cp-1a")
	if _, _, ok := s.Disk(etcdDisk); !ok {
		t.Error("the disk is gone")
	}
}

func TestDeletingADiskIsATask(t *testing.T) {
	k := &keeper{keeps: true}
	s := start(t, k.hooks)
	must(s.CreateVM(vcenter.VMSpec{Name: "cp-1a", Template: oldTemplate, Place: place}))(t)
	s.remove("cp-1a")
	heal := s.Inject(vcenter.Fault{Method: "DeleteDatastoreFile_Task", Effect: vcenter.Fail, Err: &types.NoPermission{}, Message: "no permission"})
	run := func() *types.LocalizedMethodFault {
		key := must(s.DeleteDisk("DC1", etcdDisk))(t)
		if done, _, err := s.TaskState(key); done || err != nil {
			t.Fatalf("before its time: got done=%v %v", done, err)
		}
		s.clock.Advance(time.Second)
		done, fault, err := s.TaskState(key)
		if !done || err != nil {
			t.Fatalf("after its time: got done=%v %v", done, err)
		}
		return fault
	}
	if f := run(); f == nil || f.LocalizedMessage != "no permission" {
		t.Errorf("got %+v, want no permission", f)
	}
	heal()
	if f := run(); f != nil {
		t.Errorf("got %+v", f)
	}
	if _, _, ok := s.Disk(etcdDisk); ok {
		t.Error("the disk is still there")
	}
	if f := run(); f == nil {
		t.Error("deleting what is gone: got no fault")
	} else if _, ok := f.Fault.(*types.FileNotFound); !ok {
		t.Errorf("deleting what is gone: got %T, want FileNotFound", f.Fault)
	}
}

func (s *site) vm(name string) *object.VirtualMachine {
	vm, _ := s.machine(name)
	return vm
}
