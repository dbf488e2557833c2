package vcenter_test

import (
	"errors"
	"testing"
	"time"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/task"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"

	"github.com/rehearse-dev/rehearse/fakes/vcenter"
)

func errorsAs(err error, target any) bool { return errors.As(err, target) }

func TestFailHitsTheNthTaskAndTakesItsTime(t *testing.T) {
	const full = "Insufficient disk space on datastore 'datastore-1'."
	s := start(t)
	heal := s.Inject(vcenter.Fault{
		Method: "CloneVM_Task", VM: "w-*", Nth: 2, Effect: vcenter.Fail, Err: &types.NoDiskSpace{Datastore: "datastore-1"},
		Message: full, Fired: func(vm string) { s.record("hit " + vm) },
	})
	defer heal()
	for name, want := range map[string]bool{"cp-1": false, "w-1": false} {
		if err := s.end(s.clone(name, oldTemplate), time.Minute); (err != nil) != want {
			t.Errorf("%s: got %v, want failed=%v", name, err, want)
		}
	}
	var fault task.Error
	if err := s.end(s.clone("w-2", oldTemplate), time.Minute); !errors.As(err, &fault) {
		t.Fatalf("w-2: got %v, want a failed task", err)
	}
	if _, ok := fault.Fault().(*types.NoDiskSpace); !ok || fault.LocalizedMessage != full {
		t.Errorf("fault: got %T %q, want NoDiskSpace %q", fault.Fault(), fault.LocalizedMessage, full)
	}
	if _, err := s.finder.VirtualMachine(s.ctx, "w-2"); err == nil {
		t.Error("w-2 exists although its clone failed")
	}
	if err := s.end(s.clone("w-2", oldTemplate), time.Minute); err != nil {
		t.Errorf("third clone: %v", err)
	}
	s.told("hit w-2")
}

// A lost acknowledgement: the VM is there, the task says otherwise.
func TestLoseDoesTheWorkAndReportsAnError(t *testing.T) {
	s := start(t)
	defer s.Inject(vcenter.Fault{Method: "CloneVM_Task", Effect: vcenter.Lose, Err: &types.InsufficientResourcesFault{}})()
	if err := s.end(s.clone("cp-1", oldTemplate), time.Minute); err == nil {
		t.Error("got no error, want InsufficientResourcesFault")
	}
	s.machine("cp-1")
}

func TestRefuseWorksOnAnyMethod(t *testing.T) {
	s := start(t)
	vm := must(s.CreateVM(vcenter.VMSpec{Name: "w-1", Template: oldTemplate, Place: place}))(t)
	o := object.NewVirtualMachine(s.client.Client, vm.Ref)
	heal := s.Inject(vcenter.Fault{Method: "PowerOffVM_Task", Effect: vcenter.Refuse, Err: &types.HostCommunication{}})
	defer s.Inject(vcenter.Fault{Method: "CurrentTime", Nth: 1, Effect: vcenter.Refuse, Err: &types.HostCommunication{}})()
	for _, call := range []func() error{
		func() error { _, err := o.PowerOff(s.ctx); return err },
		func() error { _, err := methods.GetCurrentTime(s.ctx, s.client.Client); return err },
	} {
		err := call()
		if err == nil || !soap.IsSoapFault(err) {
			t.Fatalf("got %v, want a fault", err)
		}
		if _, ok := soap.ToSoapFault(err).VimFault().(types.HostCommunication); !ok {
			t.Errorf("fault: got %T, want HostCommunication", soap.ToSoapFault(err).VimFault())
		}
	}
	heal()
	heal()
	if err := s.end(must(o.PowerOff(s.ctx))(t), 5*time.Second); err != nil {
		t.Errorf("after healing: %v", err)
	}
	if _, err := methods.GetCurrentTime(s.ctx, s.client.Client); err != nil {
		t.Errorf("second call: %v", err)
	}
}

func TestHoldLastsUntilHealed(t *testing.T) {
	s := start(t)
	heal := s.Inject(vcenter.Fault{Method: "CloneVM_Task", Effect: vcenter.Hold})
	tk := s.clone("cp-1", oldTemplate)
	s.clock.Advance(24 * time.Hour)
	if got := s.state(tk); got != types.TaskInfoStateRunning {
		t.Errorf("held task is %s, want running", got)
	}
	heal()
	if err := s.end(tk, time.Minute); err != nil {
		t.Error(err)
	}
}
